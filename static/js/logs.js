// What the explorer has besides; bundled like main.js.
import "./explorer.js";
import "./log-chart.js";
import "./log-figures.js";
import "./drawer-width.js";
import "./log-drawer.js";
import "./log-keys.js";
import "./log-live.js";
import "./refresh.js";
