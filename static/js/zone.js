// The server cannot know the zone of the reader's machine, so it is told by a cookie. The first page is in UTC and says so.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const secure = location.protocol === "https:" ? "; Secure" : "";

if (zone && !document.cookie.split("; ").includes(`tzname=${zone}`)) {
  document.cookie = `tzname=${zone}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}
