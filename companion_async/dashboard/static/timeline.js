// Drawing the task stream: a row for each thread, time to the right.

import { colour, moduleToken } from "./colours.js";
import { clock } from "./format.js";
import { end, from, isGrave } from "./runs.js";

const HEAD = 22, ROW = 17, BETWEEN = 3, GROUP = 9;
const TICKS = [1, 2, 5, 10, 15, 30, 60, 120];

export class Timeline {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.rows = [];
    this.marks = [];
  }

  get gutter() { return this.width < 560 ? 86 : 132; }

  /** Lay the rows out; the canvas grows and shrinks with them. */
  layOut(rows) {
    let y = HEAD, category = null;
    this.rows = rows.map((row) => {
      if (category !== null && row.category !== category) y += GROUP;
      category = row.category;
      const placed = { row, y };
      y += ROW + BETWEEN;
      return placed;
    });
    const height = Math.max(y + 4, 120);
    const density = devicePixelRatio || 1;
    this.width = this.canvas.clientWidth;
    if (this.height !== height) this.canvas.style.height = `${height}px`;
    this.height = height;
    const [w, h] = [Math.round(this.width * density), Math.round(height * density)];
    if (this.canvas.width !== w || this.canvas.height !== h) [this.canvas.width, this.canvas.height] = [w, h];
    this.pen.setTransform(density, 0, 0, density, 0, 0);
  }

  x(time) { return this.gutter + (time - this.start) * this.scale; }

  /** Draw what lies between `start` and `stop`, seconds since the epoch; `now` is the server's time; before `since` nothing is known. */
  draw(start, stop, now, since, chosen) {
    this.start = start;
    this.scale = (this.width - this.gutter) / (stop - start);
    const pen = this.pen;
    pen.clearRect(0, 0, this.width, this.height);
    pen.fillStyle = colour("idle");
    const known = Math.max(this.gutter, this.x(since));
    for (const { y } of this.rows) if (known < this.width) pen.fillRect(known, y, this.width - known, ROW);
    this.drawTicks(start, stop);
    pen.save();
    pen.beginPath();
    pen.rect(this.gutter, 0, this.width - this.gutter, this.height);
    pen.clip();
    for (const { row, y } of this.rows) this.drawRow(row, y, start, stop, now);
    this.drawUnknown(known);
    this.drawMarks();
    if (chosen) this.drawChosen(chosen);
    pen.restore();
    this.drawLabels();
  }

  drawRow(row, y, start, stop, now) {
    const pen = this.pen, runs = row.runs, grave = [];
    let covered = -1, token = null;
    for (let place = from(runs, start); place < runs.length; place += 1) {
      const run = runs[place];
      if (run.began > stop) { if (row.onLoop) continue; break; }
      if (isGrave(run)) { grave.push(run); continue; }
      const x = this.x(run.began), right = this.x(end(run));
      // Runs that share a pixel are one mark: drawing each would show the same and cost more.
      if (right <= covered) continue;
      covered = Math.max(Math.ceil(right), covered);
      const wanted = moduleToken(run.module);
      if (wanted !== token) pen.fillStyle = colour((token = wanted));
      const wide = right - x;
      pen.globalAlpha = run.state === "cancelled" ? 0.4 : 1;
      pen.fillRect(x, y, wide > 4 ? wide - 1 : Math.max(1, wide), ROW);
    }
    pen.globalAlpha = 1;
    for (const run of grave) {
      const x = this.x(run.began), wide = Math.max(2.5, this.x(end(run)) - x);
      if (run.state === "timed_out") this.hatch(x, y, wide, moduleToken(run.module));
      else { pen.fillStyle = colour("failed"); pen.fillRect(x, y, wide, ROW); }
    }
    const current = row.current;
    if (!current) return;
    // While a thread is still in a run that was given up, the hatching goes on as grey.
    const x = this.x(current.began), wide = this.x(Math.min(now, stop)) - x;
    if (wide <= 0) return;
    if (current.state === "abandoned") {
      const known = runs.findLast?.((run) => run.task_id === current.task_id);
      const left = known ? this.x(end(known)) : x;
      this.hatch(left, y, x + wide - left, "muted");
    } else {
      pen.fillStyle = colour(moduleToken(current.module));
      pen.fillRect(x, y, wide, ROW);
    }
  }

  hatch(x, y, wide, token) {
    const pen = this.pen;
    pen.save();
    pen.beginPath();
    pen.rect(x, y, wide, ROW);
    pen.clip();
    pen.fillStyle = colour("surface");
    pen.fillRect(x, y, wide, ROW);
    pen.strokeStyle = colour(token);
    pen.lineWidth = 3;
    pen.beginPath();
    const first = Math.max(x, this.gutter);
    for (let at = first - ((first % 8) + 8) % 8 - ROW; at < Math.min(x + wide, this.width) + ROW; at += 8) {
      pen.moveTo(at, y + ROW);
      pen.lineTo(at + ROW, y);
    }
    pen.stroke();
    pen.lineWidth = 1;
    pen.strokeRect(x + 0.5, y + 0.5, Math.max(0, wide - 1), ROW - 1);
    pen.restore();
  }

  drawTicks(start, stop) {
    const pen = this.pen, step = TICKS.find((each) => each * this.scale >= 84) ?? 300;
    pen.font = "11px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (let time = Math.ceil(start / step) * step; time <= stop; time += step) {
      const x = Math.round(this.x(time)) + 0.5;
      if (x < this.gutter) continue;
      pen.fillStyle = colour("line");
      pen.fillRect(x - 0.5, HEAD - 4, 1, this.height - HEAD);
      pen.fillStyle = colour("muted");
      if (x > this.gutter + 24 && x < this.width - 24) pen.fillText(clock(time * 1000), x, 9);
    }
  }

  /** Say why there is nothing on the left. */
  drawUnknown(known) {
    const wide = Math.min(known, this.width) - this.gutter, pen = this.pen;
    const words = wide > 260 ? "not recorded: nobody was looking yet" : "not recorded";
    if (wide < 110 || !this.rows.length) return;
    pen.font = "12px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillStyle = colour("muted");
    pen.fillText(words, this.gutter + wide / 2, HEAD + ROW / 2 + 1);
  }

  drawMarks() {
    const pen = this.pen;
    pen.fillStyle = pen.strokeStyle = colour("accent");
    for (const mark of this.marks) {
      const x = this.x(mark.time);
      if (x < this.gutter || x > this.width) continue;
      // Through the rows that it is about, and no others.
      pen.globalAlpha = 0.7;
      pen.setLineDash([3, 3]);
      pen.beginPath();
      for (const { row, y } of this.rows) {
        if (row.category !== mark.category) continue;
        pen.moveTo(x, y - BETWEEN);
        pen.lineTo(x, y + ROW + BETWEEN);
      }
      pen.stroke();
      pen.setLineDash([]);
      pen.globalAlpha = 1;
      pen.beginPath();
      pen.moveTo(x - 5, HEAD - 7);
      pen.lineTo(x + 5, HEAD - 7);
      pen.lineTo(x, HEAD);
      pen.fill();
    }
  }

  drawChosen(run) {
    const place = this.rows.find(({ row }) => row.runs.includes(run) || row.current?.task_id === run.task_id);
    if (!place) return;
    const x = this.x(run.began), wide = Math.max(3, (run.seconds ?? 0) * this.scale);
    this.pen.strokeStyle = colour("ink");
    this.pen.lineWidth = 2;
    this.pen.strokeRect(x - 1, place.y - 1, wide + 2, ROW + 2);
  }

  drawLabels() {
    const pen = this.pen;
    pen.font = "12px system-ui, sans-serif";
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    for (const { row, y } of this.rows) {
      pen.fillStyle = colour(row.alive || row.onLoop ? "ink" : "muted");
      let label = row.label;
      while (label.length > 3 && pen.measureText(label).width > this.gutter - 8) label = `${label.slice(0, -2)}…`;
      pen.fillText(label, 0, y + ROW / 2 + 1);
    }
  }

  /** What is under a point of the canvas: `{run, row}`, `{mark}`, or null. */
  at(x, y) {
    if (y < HEAD) {
      const mark = this.marks.find((each) => Math.abs(this.x(each.time) - x) < 7);
      return mark ? { mark } : null;
    }
    const place = this.rows.find((each) => y >= each.y - 1 && y <= each.y + ROW + 1);
    if (!place || x < this.gutter) return null;
    const time = this.start + (x - this.gutter) / this.scale, near = 3 / this.scale;
    let best = null;
    for (let at = from(place.row.runs, time - near); at < place.row.runs.length; at += 1) {
      const run = place.row.runs[at];
      if (run.began > time + near) { if (place.row.onLoop) continue; break; }
      // A failed run of less than a pixel is found before the long one beside it.
      if (!best || (isGrave(run) && !isGrave(best)) || (run.began <= time && end(run) >= time && !isGrave(best))) best = run;
    }
    const current = place.row.current;
    if (!best && current && time >= current.began - near) best = current;
    return best ? { run: best, row: place.row } : null;
  }
}
