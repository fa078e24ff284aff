#!/bin/sh
# Makes sure that the browser tests find a Chromium and its driver: from Debian's packages when we may install them.
set -eu

present() {
    command -v chromedriver >/dev/null 2>&1 &&
        { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null 2>&1
}

present && exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium for the browser tests ..."
    log=$(mktemp)
    export DEBIAN_FRONTEND=noninteractive
    if { apt-get -o DPkg::Lock::Timeout=300 update &&
        apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends chromium chromium-driver; } >"$log" 2>&1
    then
        rm -f "$log"
        present && exit 0
    fi
    tail -n 5 "$log" >&2
fi
echo "The browser tests need Chromium and its driver, which are not on PATH." >&2
echo "On Debian: apt install chromium chromium-driver (as root). Then run make test again." >&2
exit 1
