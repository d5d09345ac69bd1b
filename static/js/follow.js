// data-follows="incident:5 channel": asks for itself anew, by the event "refresh", when one of these has changed. One connection
// for each tab that is looked at says what has (<body data-follow-url>, server-sent events); a hidden tab gives it back, and catches up
// when it is seen again. Where there is none to be had, everything is asked for every few seconds.
// Nothing is taken from under somebody: not while they write or choose within it, have a dialog open, or select text.
const EVERY = 5000, BANNERS_EVERY = 30000, AGAIN = 60000, SPREAD = 700, RETRY = 1000; // milliseconds

const body = document.body;
const waiting = new Set(); // ids of elements that are to be asked for
let source = null;
let since = body.dataset.followSince;
let polling = 0;
let flushing = 0;

function isInUse(element) {
  const focused = element.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");
  const selection = getSelection();
  return (
    focused ||
    document.querySelector("dialog[open]") !== null ||
    [...element.querySelectorAll("input[type=checkbox]")].some((box) => box.checked !== box.defaultChecked) ||
    (selection !== null && !selection.isCollapsed && element.contains(selection.anchorNode))
  );
}

function flush() {
  flushing = 0;
  for (const id of waiting) {
    const element = document.getElementById(id);
    if (element && isInUse(element)) continue;
    waiting.delete(id);
    element?.dispatchEvent(new CustomEvent("refresh"));
  }
  if (waiting.size) flushing ||= setTimeout(flush, RETRY);
}

function ask(isMeant) {
  for (const element of document.querySelectorAll("[data-follows]")) if (isMeant(element)) waiting.add(element.id);
  // Many tabs hear of the same change at once: they do not all ask at once.
  if (waiting.size) flushing ||= setTimeout(flush, 50 + Math.random() * SPREAD);
}

const follows = (topics) => (element) =>
  topics.includes("*") || element.dataset.follows.split(" ").some((name) => topics.some((topic) => topic === name || topic.split(":")[0] === name));

function poll() {
  if (polling) return;
  let bannersAt = Date.now();
  polling = setInterval(() => {
    if (document.hidden) return;
    const areBannersDue = Date.now() - bannersAt > BANNERS_EVERY;
    if (areBannersDue) bannersAt = Date.now();
    ask((element) => element.id !== "banners" || areBannersDue);
  }, EVERY);
  setTimeout(connect, AGAIN);
}

function disconnect() {
  source?.close();
  source = null;
}

function connect() {
  if (source || document.hidden || !document.querySelector("[data-follows]")) return;
  const url = new URL(body.dataset.followUrl, location);
  url.searchParams.set("since", since);
  source = new EventSource(url);
  source.addEventListener("open", () => {
    clearInterval(polling);
    polling = 0;
  });
  source.addEventListener("message", (event) => {
    since = event.lastEventId || since;
    ask(follows(event.data.split("\n")));
  });
  source.addEventListener("error", () => {
    if (source?.readyState !== EventSource.CLOSED) return; // it connects again by itself
    disconnect();
    poll();
  });
}

if (body.dataset.followUrl) {
  connect();
  document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", (event) => event.persisted && connect());
}

// Parts that take their place by themselves (hx-swap-oob): the same holds for each of them, and what was open or had the focus
// has it again.
let before = null;
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  const follower = document.querySelector("[data-follows-for]");
  if (isInUse(target)) {
    event.preventDefault();
    if (follower) {
      waiting.add(follower.id);
      flushing ||= setTimeout(flush, RETRY * 2);
    }
    return;
  }
  const focused = target.contains(document.activeElement) ? document.activeElement : null;
  before = { id: target.id, label: focused && `${focused.tagName} ${focused.textContent.trim()}` };
  const open = [...target.querySelectorAll("details")].map((each) => each.open);
  (fragment ?? document.createDocumentFragment()).querySelectorAll("details").forEach((each, place) => (each.open ||= Boolean(open[place])));
});
document.addEventListener("htmx:oobAfterSwap", () => {
  const part = before?.label && document.getElementById(before.id);
  const twin = part && [...part.querySelectorAll("a, button, summary")].find((each) => `${each.tagName} ${each.textContent.trim()}` === before.label);
  twin?.focus({ preventScroll: true });
  before = null;
  tell();
});

// What colleagues did: [data-told] with an id that was not there before, by somebody else.
const known = new Set();
function tell(isFirst = false) {
  for (const each of document.querySelectorAll("[data-told]")) {
    if (known.has(each.id)) continue;
    known.add(each.id);
    if (isFirst || each.dataset.by === body.dataset.user) continue;
    document.dispatchEvent(new CustomEvent("toast", { detail: { text: each.dataset.told, tone: "info" } }));
  }
}
tell(true);
