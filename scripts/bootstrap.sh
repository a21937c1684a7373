#!/usr/bin/env bash
# Make .venv as constraints.txt pins it; with the argument "screen" also see to the
# system libraries that Qt, OpenGL and a virtual screen need. TORCH_INDEX names another
# package index for torch, such as that of its CPU wheels.
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3.11}
SCREEN_PACKAGES=(
    libegl1 libgl1 libgl1-mesa-dri libglx-mesa0 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4
    libxcb-image0 libxcb-keysyms1 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 libdbus-1-3
    xvfb xauth
)

say() { echo "bootstrap: $*" >&2; }

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q "ok installed"; }

need() { # need PACKAGE...: install Debian packages as root, else print the line to run and stop
    local line="apt-get update && apt-get install -y --no-install-recommends $*"
    if ! command -v apt-get >/dev/null; then
        say "please install what Debian calls: $*"
        exit 1
    elif [ "$(id -u)" -ne 0 ]; then
        say "system packages are missing; run this once, then try again:"
        echo "sudo sh -c '$line'" >&2
        exit 1
    fi
    say "installing $*"
    DEBIAN_FRONTEND=noninteractive sh -c "$line" >/dev/null
}

missing=()
if ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
    missing+=(python3.11 python3.11-venv)
fi
if [ "${1:-}" = screen ]; then
    if command -v dpkg-query >/dev/null; then
        for package in "${SCREEN_PACKAGES[@]}"; do
            installed "$package" || missing+=("$package")
        done
    elif ! command -v xvfb-run >/dev/null; then
        missing+=("${SCREEN_PACKAGES[@]}")
    fi
fi
[ ${#missing[@]} -eq 0 ] || need "${missing[@]}"

stamp=.venv/napari-midl.stamp
wanted=$(cat pyproject.toml constraints.txt | sha256sum)
if [ "$(cat $stamp 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi
say "making .venv (a few minutes the first time)"
[ -x .venv/bin/python ] || "$PYTHON" -m venv .venv
# What is imported is compiled then: of these packages that is a small part.
install=(.venv/bin/python -m pip --disable-pip-version-check --quiet --quiet install --no-compile)
"${install[@]}" --upgrade "pip>=25.1"
# torch first: it is the largest by far, and a broken download then fails early.
"${install[@]}" torch==2.13.0 -c constraints.txt ${TORCH_INDEX:+--index-url "$TORCH_INDEX"}
"${install[@]}" -c constraints.txt -e ".[all]" --group dev
echo "$wanted" >$stamp
