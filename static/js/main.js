// What every page has: one file a behaviour, bundled when static files are collected (core/config/staticfiles.py).
import "./busy.js";
import "./choose.js";
import "./clients.js";
import "./copy.js";
import "./csrf.js";
import "./dialog.js";
import "./dirty.js";
import "./keys.js";
import "./menu.js";
import "./only.js";
import "./palette.js";
import "./strip.js";
import "./tabs.js";
import "./theme.js";
import "./time.js";
import "./toast.js";
import "./zone.js";
