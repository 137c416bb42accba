// A sparkline: the last figures of one thing, up to two minutes of them, with the moments of decisions marked.

import { colour } from "./colours.js";

const SHORTEST = 30000, LONGEST = 120000; // milliseconds: a page that was just opened shows what it has, not a gap

/** Draw `series` on `canvas`; `top` is the value of the upper edge, by itself the largest of the figures. */
export function drawSpark(canvas, series, { top = null, marks = [], token = "series" } = {}) {
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (!width || !height) return;
  const density = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * density)) canvas.width = Math.round(width * density);
  if (canvas.height !== Math.round(height * density)) canvas.height = Math.round(height * density);
  const pen = canvas.getContext("2d");
  pen.setTransform(density, 0, 0, density, 0, 0);
  pen.clearRect(0, 0, width, height);
  const points = series.points.filter((point) => point.value !== null && point.value !== undefined);
  pen.fillStyle = colour("line");
  pen.fillRect(0, height - 1, width, 1);
  if (!points.length) return;
  const end = points.at(-1).time;
  const highest = top ?? (Math.max(...points.map((point) => point.value)) * 1.15 || 1);
  const length = Math.min(LONGEST, Math.max(SHORTEST, end - points[0].time));
  const x = (time) => width - ((end - time) / length) * width;
  const y = (value) => height - 1 - Math.min(1, value / highest) * (height - 4);
  pen.beginPath();
  pen.moveTo(x(points[0].time), height - 1);
  for (const point of points) pen.lineTo(x(point.time), y(point.value));
  pen.lineTo(x(end), height - 1);
  pen.fillStyle = colour(`${token}-wash`);
  pen.fill();
  pen.beginPath();
  points.forEach((point, place) => pen[place ? "lineTo" : "moveTo"](x(point.time), y(point.value)));
  pen.strokeStyle = colour(token);
  pen.lineWidth = 1.5;
  pen.lineJoin = "round";
  pen.stroke();
  pen.fillStyle = colour("accent");
  for (const mark of marks) {
    const at = x(mark);
    if (at < 0 || at > width) continue;
    pen.fillRect(at - 0.5, 0, 1, height);
    pen.beginPath();
    pen.moveTo(at - 4, 0);
    pen.lineTo(at + 4, 0);
    pen.lineTo(at, 6);
    pen.fill();
  }
}
