// The server cannot know the zone of the reader's machine, so it is told by a cookie. The first page is in UTC and says so.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const secure = location.protocol === "https:" ? "; Secure" : "";

// Parts of a page change its address while the switch, in the bar, stays as it was; it leads back to where one is now.
document.addEventListener("submit", (event) => {
  const next = event.target.matches("form[data-zone], form[data-theme-switch]") && event.target.elements.next;
  if (!next) return;
  const url = new URL(location.href);
  url.searchParams.delete("tz"); // or the link's zone would win over the switch
  next.value = url.pathname + url.search;
}, { capture: true });

if (zone && !document.cookie.split("; ").includes(`tzname=${zone}`)) {
  document.cookie = `tzname=${zone}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}
