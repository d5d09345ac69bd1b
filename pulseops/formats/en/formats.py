"""How the Django admin writes times: as our pages do, with the zone named. Django finds it by FORMAT_MODULE_PATH."""

DATE_FORMAT = "Y-m-d"
DATETIME_FORMAT = "Y-m-d H:i:s T"
