#!/usr/bin/env bash
# Unpack Debian's packages of log senders below the directory that is given, for tests. They are not installed: rsyslog and
# syslog-ng exclude each other, and none is to start on the machine. What cannot be had is left out, and its tests are skipped.
set -euo pipefail
root=$(realpath -m "$1")
mkdir -p "$root/packages"
cd "$root/packages"
for package in systemd-journal-remote rsyslog libestr0 libfastjson4 liblognorm5 syslog-ng-core libivykis0 libnet1 libpcre3 libwrap0 libnsl2; do
  compgen -G "${package}_*.deb" >/dev/null || apt-get download -qq "$package" 2>/dev/null || { echo "$package cannot be had." >&2; continue; }
  dpkg -x "${package}"_*.deb "$root"
done
