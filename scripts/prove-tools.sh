#!/bin/sh
# Makes sure that the proofs find strace, ip and libfaketime: from Debian's packages when we may install them. What
# stays missing is told in the table as not tried.
set -eu

faketime() {
    for library in /usr/lib/*-linux-gnu*/faketime/libfaketime.so.1; do
        [ -e "$library" ] && return
    done
    return 1
}

missing=""
command -v strace >/dev/null 2>&1 || missing="$missing strace"
command -v ip >/dev/null 2>&1 || missing="$missing iproute2"
faketime || missing="$missing libfaketime"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing$missing for the proofs ..."
    log=$(mktemp)
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086  (several words are meant)
    if { apt-get -o DPkg::Lock::Timeout=300 update &&
        apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing; } >"$log" 2>&1
    then
        rm -f "$log"
        exit 0
    fi
    tail -n 5 "$log" >&2
fi
echo "Not all can be tried without$missing. On Debian: apt install$missing (as root)." >&2
