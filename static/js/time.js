// <time data-when> and <time data-since> keep telling the truth. The words are those of pulseops/core/ui/times.py.
const MINUTE = 60, HOUR = 3600, DAY = 86400;

function relative(seconds) {
  const size = Math.floor(Math.abs(seconds));
  if (size < 5) return "just now";
  if (seconds > 0) return `${rounded(size)} ago`;
  // What is to come is said to the nearest: seven days are seven also a second later.
  const half = size < MINUTE ? 0 : (size < HOUR ? MINUTE : size < DAY ? HOUR : DAY) / 2;
  return `in ${rounded(size + half)}`;
}

function rounded(seconds) {
  if (seconds < MINUTE) return `${seconds} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h`;
  return `${Math.floor(seconds / DAY)} d`;
}

function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min ${two(whole % MINUTE)} s`;
  if (whole < DAY) return `${Math.floor(whole / HOUR)} h ${two(Math.floor((whole % HOUR) / MINUTE))} min`;
  return `${Math.floor(whole / DAY)} d ${Math.floor((whole % DAY) / HOUR)} h`;
}

function say(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

function tick() {
  if (document.hidden) return;
  const now = Date.now();
  for (const element of document.querySelectorAll("time[data-when]")) {
    const seconds = (now - Date.parse(element.dateTime)) / 1000;
    // The server said a date; only it knows the reader's zone, and it will not change today.
    if (Math.abs(seconds) < 30 * DAY) say(element, relative(seconds));
  }
  for (const element of document.querySelectorAll("time[data-since]")) {
    say(element, duration((now - Date.parse(element.dataset.since)) / 1000));
  }
}

setInterval(tick, 1000);
document.addEventListener("visibilitychange", tick);
