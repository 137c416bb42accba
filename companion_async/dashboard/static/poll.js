// Asking again and again, no faster than the server answers, and not at all while nobody looks.

const LONGEST_WAIT = 10000; // milliseconds

export class Poll {
  /** `ask()` every `period` ms while the page is visible; `told(answer)` or `failed(error)` each time. */
  constructor(ask, period, told, failed = () => {}) {
    Object.assign(this, { ask, period, told, failed, timer: 0, errors: 0, ended: false, busy: false });
    this.onVisible = () => { if (!document.hidden) this.now(); };
    document.addEventListener("visibilitychange", this.onVisible);
    this.now();
  }

  /** Ask at once. */
  async now() {
    clearTimeout(this.timer);
    if (this.ended || this.busy) return;
    this.busy = true;
    try {
      const answer = await this.ask();
      this.errors = 0;
      if (!this.ended) this.told(answer);
    } catch (error) {
      this.errors += 1;
      if (!this.ended) this.failed(error);
    }
    this.busy = false;
    if (!this.ended && !document.hidden) this.timer = setTimeout(() => this.now(), this.wait());
  }

  wait() {
    return this.errors ? Math.min(this.period * 2 ** Math.min(this.errors - 1, 5), LONGEST_WAIT) : this.period;
  }

  end() {
    this.ended = true;
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.onVisible);
  }
}
