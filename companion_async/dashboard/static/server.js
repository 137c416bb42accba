// Asking the server. All addresses are relative to the page, so it works under any prefix.

const PATIENCE = 8000; // milliseconds

/** What the server refused, in its own words. */
export class Refused extends Error {
  constructor(status, error) {
    super(error?.message ?? `The server answered ${status}.`);
    Object.assign(this, { status, code: error?.code ?? "", id: error?.id ?? "" });
  }
}

/** The data of an answer; raises `Refused`, or `TypeError` where nobody answers. */
export async function get(path) {
  return data(await fetch(path, { signal: AbortSignal.timeout(PATIENCE), headers: { accept: "application/json" } }));
}

export async function change(method, path, body = undefined, patience = 60000) {
  return data(await fetch(path, { ...sending(method, body), signal: AbortSignal.timeout(patience) }));
}

/** The events of an answer that streams, as `[kind, data]`, until it ends or `signal` aborts it. */
export async function* streamed(path, body, signal) {
  const response = await fetch(path, { ...sending("POST", body), signal });
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
    await data(response);
    throw new Refused(response.status, { message: "The answer did not stream." });
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (held + value).split("\n\n");
    held = parts.pop();
    for (const part of parts) {
      const found = fields(part);
      if (found.data) yield [found.event ?? "message", JSON.parse(found.data)];
    }
  }
}

function fields(part) {
  const found = {};
  for (const line of part.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) found[line.slice(0, colon)] = line.slice(colon + 2);
  }
  return found;
}

function sending(method, body) {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  return { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
}

async function data(response) {
  let answer = null;
  try {
    answer = await response.json();
  } catch {
    throw new Refused(response.status, null);
  }
  if (!answer.success) throw new Refused(response.status, answer.error);
  return answer.data;
}
