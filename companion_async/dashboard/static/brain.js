// What the page knows of the brain: the last status, the last decisions, and two minutes of figures behind them.

import { moduleToken } from "./colours.js";
import { instant } from "./format.js";
import { Poll } from "./poll.js";
import { get } from "./server.js";

const EACH = 1000; // milliseconds
export const MOST_DECISIONS = 200;
const KEPT = 120; // figures of a series, one a second

/** The last figures of one thing, oldest first. */
export class Series {
  constructor() { this.points = []; }
  add(time, value) {
    this.points.push({ time, value });
    if (this.points.length > KEPT) this.points.shift();
  }
}

export class Brain extends EventTarget {
  status = null;
  session = { role: "reader", signed_in: false, exposes_errors: false };
  decisions = [];
  problem = null;
  answeredAt = 0;
  series = new Map();

  /** Settled once the server has answered, or has not: from then on views have something to show. */
  ready = new Promise((settle) => { this.settle = settle; });

  begin() {
    this.poll = new Poll(() => this.ask(), EACH, () => this.tell(), (error) => this.fail(error));
  }

  async ask() {
    if (!this.answeredAt || this.problem) this.session = await get("api/session");
    const status = await get("api/threads/status");
    const news = status.decided_at !== this.status?.decided_at || Date.now() - (this.lookedAt ?? 0) > 5000;
    if (news) {
      this.decisions = await get(`api/threads/decisions?limit=${MOST_DECISIONS}`);
      this.lookedAt = Date.now();
    }
    this.note(status);
  }

  note(status) {
    const before = this.status;
    const time = Date.parse(status.timestamp);
    // Another brain, or the same one begun again: its totals have nothing to do with those before.
    const same = before && status.uptime >= before.uptime;
    if (before && !same) this.series.clear();
    const passed = same ? (time - Date.parse(before.timestamp)) / 1000 : 0;
    if (passed > 0) {
      const completed = status.stats.total_tasks_completed - before.stats.total_tasks_completed;
      const failed = status.stats.total_tasks_failed - before.stats.total_tasks_failed;
      this.one("completed").add(time, completed);
      this.one("failed").add(time, failed);
      this.one("success").add(time, completed + failed ? completed / (completed + failed) : null);
      this.one("throughput").add(time, (completed + failed) / passed);
    }
    this.one("waiting").add(time, Object.values(status.categories).reduce((sum, each) => sum + each.queued, 0));
    this.one("lag").add(time, status.loop_lag);
    this.one("memory").add(time, status.memory_bytes);
    this.one("cpu").add(time, status.cpu_percent);
    this.one("threads").add(time, status.active_threads);
    this.one("decisions").add(time, this.decisions.filter((each) => time - Date.parse(each.timestamp) < 5000).length);
    for (const [name, each] of Object.entries(status.categories)) this.one(`category ${name}`).add(time, each.utilization);
    // In the order of their registration, so that each has the same colour in every window.
    for (const name of Object.keys(status.module_threads)) moduleToken(name);
    this.status = status;
  }

  /** The series of that name. */
  one(name) {
    if (!this.series.has(name)) this.series.set(name, new Series());
    return this.series.get(name);
  }

  /** Completed and failed since the series began. */
  recently() {
    const sum = (name) => this.one(name).points.reduce((total, point) => total + point.value, 0);
    return { completed: sum("completed"), failed: sum("failed") };
  }

  /** The server's time by now, in seconds since the epoch; null before its first answer. */
  get now() { return this.status && instant(this.status.timestamp) + (performance.now() - this.answeredAt) / 1000; }

  /** The category of what a decision is about: a category, or a module. */
  categoryOf(context) { return this.status?.module_threads[context]?.category ?? context; }

  get operator() { return this.session.role === "operator"; }
  get modules() { return Object.keys(this.status?.module_threads ?? {}); }

  tell() {
    this.answeredAt = performance.now();
    this.problem = null;
    this.settle();
    this.dispatchEvent(new Event("status"));
  }

  fail(error) {
    this.problem = error;
    this.settle();
    this.dispatchEvent(new Event("problem"));
  }
}
