/* What is heard from the run and asked of it. Every address is relative, so the token stays where it is. */

const EVENTS = ["state", "phase", "doing", "moment", "decision", "change", "end", "leave"];

/* Hear everything: `told` gets the name and document of each message, `lost` whether the connection is for good. */
export function listen(told, lost) {
  const source = new EventSource("events");
  for (const name of EVENTS) source.addEventListener(name, (event) => told(name, JSON.parse(event.data)));
  source.addEventListener("error", () => lost(source.readyState === EventSource.CLOSED));
  return source;
}

/* Ask for something. Resolves to "" when it is done, else to why not. */
export async function ask(action, body = {}) {
  try {
    const answer = await fetch(action, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return answer.ok ? "" : (await answer.json()).error;
  } catch {
    return "the run cannot be reached";
  }
}

/* The past of the endpoint of that number, or of all (null), by column. */
export async function past(number) {
  const answer = await fetch(number === null ? "past" : `past/${number}`);
  if (!answer.ok) throw new Error(`the past cannot be had: ${answer.status}`);
  return answer.json();
}

/* The config of the run, as text. */
export async function configText() {
  const answer = await fetch("config");
  if (!answer.ok) throw new Error(`the config cannot be had: ${answer.status}`);
  return answer.text();
}
