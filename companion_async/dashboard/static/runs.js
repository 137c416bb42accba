// The runs of the last minutes, by thread: what the task stream draws.

const KEPT_SECONDS = 330;
const KEPT_RUNS = 60000;
const GRAVE = new Set(["failed", "timed_out", "retrying"]);

export const isGrave = (run) => GRAVE.has(run.state);
export const end = (run) => run.began + run.seconds;

export class Runs {
  rows = new Map();
  cursor = null;
  total = 0;
  leftOut = []; // of moments, how many runs were not told
  unseen = 0;
  since = null; // what was before is not known here

  /** Take in an answer of `api/threads/runs`. */
  take(answer) {
    const now = Date.parse(answer.timestamp) / 1000;
    this.now = now;
    this.heardAt = performance.now();
    // Another epoch: for a while nobody looked, and what ran meanwhile is not known.
    if (this.cursor?.split("-")[0] !== answer.cursor.split("-")[0]) {
      this.since = answer.runs.reduce((first, run) => Math.min(first, run.began), now);
    }
    this.cursor = answer.cursor;
    for (const run of answer.runs) {
      this.row(run.worker, run.category).runs.push(run);
      this.total += 1;
    }
    this.unseen += answer.unseen;
    if (answer.left_out) this.leftOut.push({ time: now, count: answer.left_out });
    for (const row of this.rows.values()) [row.current, row.alive] = [null, false];
    for (const thread of answer.threads) {
      const row = this.row(thread.worker, thread.category);
      row.alive = true;
      if (thread.task_id && thread.seconds !== null) {
        row.current = { ...thread, state: thread.state === "abandoned" ? "abandoned" : "running", began: now - thread.seconds };
      }
    }
    this.prune(now);
  }

  row(worker, category) {
    const key = worker || `${category} on the loop`;
    let row = this.rows.get(key);
    if (!row) {
      const label = worker.startsWith(`companion-${category}-`) ? worker.slice(10).replace(/-(\d+)$/, " $1") : key;
      row = { key, label, category, number: worker ? Number(worker.match(/(\d+)$/)?.[1] ?? 0) : 1e9, onLoop: !worker, runs: [], current: null, alive: true };
      this.rows.set(key, row);
    }
    return row;
  }

  prune(now) {
    const keep = KEPT_SECONDS * Math.min(1, KEPT_RUNS / Math.max(1, this.total));
    const cut = now - keep;
    for (const row of this.rows.values()) {
      const gone = from(row.runs, cut);
      // Cutting a long array costs its length, so a few are gathered first.
      if (gone > 64 || (gone && gone === row.runs.length)) {
        row.runs.splice(0, gone);
        this.total -= gone;
        this.since = Math.max(this.since, cut);
      }
      if (!row.alive && !row.runs.length && !row.onLoop) this.rows.delete(row.key);
    }
    while (this.leftOut.length && this.leftOut[0].time < cut) this.leftOut.shift();
  }

  /** The server's time by now. */
  get time() { return this.now + (performance.now() - this.heardAt) / 1000; }

  /** The rows of the categories in their order, threads by number. */
  sorted(categories) {
    const place = new Map(categories.map((name, at) => [name, at]));
    return [...this.rows.values()].filter((row) => place.has(row.category))
      .sort((a, b) => place.get(a.category) - place.get(b.category) || a.number - b.number);
  }
}

/** The place of the first run that ends after `time`. Runs stand in the order of their ends. */
export function from(runs, time) {
  let low = 0, high = runs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (end(runs[middle]) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
