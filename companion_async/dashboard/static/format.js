// Figures as people read them. Durations come in seconds, sizes in bytes, moments as ISO-8601.

export const NONE = "–";

export function count(value) {
  return value === null || value === undefined ? NONE : Math.round(value).toLocaleString("en");
}

export function several(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

export function rate(value) {
  if (value === null || value === undefined) return NONE;
  return value >= 100 ? count(value) : value >= 10 ? value.toFixed(1) : value.toFixed(value === 0 ? 0 : 2);
}

export function percent(fraction) {
  if (fraction === null || fraction === undefined) return NONE;
  const value = fraction * 100;
  // 99.96 % is not 100 %: what failed must not be rounded away.
  if (value > 99.9 && value < 100) return "99.9\u00a0%";
  return `${value >= 10 || value === 0 ? (value % 1 && value > 99 ? value.toFixed(1) : Math.round(value)) : value.toFixed(1)}\u00a0%`;
}

export function span(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  if (seconds <= 0) return "0\u00a0ms";
  if (seconds < 0.001) return `${Math.max(1, Math.round(seconds * 1e6))}\u00a0µs`;
  if (seconds < 0.01) return `${(seconds * 1e3).toFixed(1)}\u00a0ms`;
  if (seconds < 1) return `${Math.round(seconds * 1e3)}\u00a0ms`;
  if (seconds < 10) return `${seconds.toFixed(2)}\u00a0s`;
  if (seconds < 60) return `${seconds.toFixed(1)}\u00a0s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}\u00a0min ${Math.floor(seconds % 60)}\u00a0s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}\u00a0h ${Math.floor((seconds % 3600) / 60)}\u00a0min`;
  return `${Math.floor(seconds / 86400)}\u00a0d ${Math.floor((seconds % 86400) / 3600)}\u00a0h`;
}

export function size(bytes) {
  if (bytes === null || bytes === undefined) return NONE;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let power = 0;
  while (bytes >= 1024 && power < units.length - 1) { bytes /= 1024; power += 1; }
  return `${power && bytes < 10 ? bytes.toFixed(1) : Math.round(bytes)}\u00a0${units[power]}`;
}

/** Seconds since the epoch, to the microsecond that the server tells and `Date` cuts off. */
export function instant(moment) {
  const finer = /\.\d{3}(\d{1,3})/.exec(moment)?.[1] ?? "";
  return Date.parse(moment) / 1000 + Number(`0.000${finer || 0}`);
}

/** Seconds from one moment to another, ISO-8601 or seconds since the epoch; null where one of them is not known. */
export function between(earlier, later) {
  const seconds = (each) => (typeof each === "number" ? each : instant(each));
  return earlier && later ? Math.max(0, seconds(later) - seconds(earlier)) : null;
}

export function clock(moment, fine = false) {
  if (!moment) return NONE;
  const date = new Date(moment);
  const time = date.toLocaleTimeString("en-GB");
  return fine ? `${time}.${String(date.getMilliseconds()).padStart(3, "0")}` : time;
}

/** A moment as the time of day, with the date and UTC in its title. */
export function moment(document, value, fine = false) {
  const element = document.createElement("time");
  if (value) {
    element.dateTime = value;
    element.title = new Date(value).toISOString();
  }
  element.textContent = clock(value, fine);
  return element;
}

/** A frame of a stack without the way to where packages are. */
export const frame = (line) => line.replace(/^\S*\/(?:site-packages|lib\/python3\.\d+)\//, "");
