#!/usr/bin/env bash
# Installs what a build needs beside Rust, where it is missing: OpenBLAS with its headers, pkg-config, a C compiler.
# Does nothing when all is there. With --dry-run it prints its commands and runs none.
set -euo pipefail

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Whether a C program can be linked, with the libraries given.
links() {
    local folder status=0
    folder=$(mktemp -d)
    echo 'int main(void) { return 0; }' >"$folder/probe.c"
    cc "$folder/probe.c" "$@" -o "$folder/probe" >/dev/null 2>&1 || status=1
    rm -r "$folder"
    return "$status"
}

have_compiler() { have cc && links; }
have_pkg_config() { have pkg-config; }
have_openblas() {
    { have pkg-config && pkg-config --exists openblas; } || { have cc && links -lopenblas; } ||
        { have brew && brew list --versions openblas >/dev/null 2>&1; } # Homebrew keeps it out of the linker's sight
}

missing() {
    have_openblas || echo openblas
    have_pkg_config || echo pkg-config
    have_compiler || echo compiler
}

# Prints a command, then runs it, as root where asked for.
run() { echo "+ $*"; "$dry_run" || "$@" </dev/null; }
as_root() {
    if [ "$(id -u)" = 0 ]; then
        run "$@"
    elif have sudo; then
        run sudo "$@"
    else
        fail "this needs root, and there is no sudo. Please run as root: $*"
    fi
}
apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get "$@"; }

# What one package manager calls the missing things: arguments are its names for OpenBLAS, pkg-config and a C compiler.
name_packages() {
    packages=()
    local thing
    for thing in $needed; do
        # shellcheck disable=SC2206 # a name can stand for two packages
        case $thing in
        openblas) packages+=($1) ;;
        pkg-config) packages+=($2) ;;
        compiler) packages+=($3) ;;
        esac
    done
}

install_with_apt() {
    name_packages libopenblas-dev pkg-config "gcc libc6-dev"
    local package
    for package in "${packages[@]}"; do
        apt-cache show "$package" >/dev/null 2>&1 || { apt update; break; } # the list of packages is not there yet
    done
    # The second try is for a list that is there, but too old.
    apt install -y --no-install-recommends "${packages[@]}" ||
        { apt update && apt install -y --no-install-recommends "${packages[@]}"; }
}

install_with_brew() {
    name_packages openblas pkgconf ""
    [[ $needed != *compiler* ]] || say "a C compiler comes with Apple's tools: xcode-select --install"
    [ "${#packages[@]}" = 0 ] || run brew install "${packages[@]}"
}

install() {
    if have apt-get; then
        install_with_apt
    elif have dnf; then
        name_packages openblas-devel pkgconf-pkg-config gcc
        as_root dnf install -y "${packages[@]}"
    elif have pacman; then
        name_packages openblas pkgconf gcc
        as_root pacman -S --needed --noconfirm "${packages[@]}"
    elif have zypper; then
        name_packages openblas-devel pkgconf-pkg-config gcc
        as_root zypper --non-interactive install "${packages[@]}"
    elif have apk; then
        name_packages openblas-dev pkgconf "gcc musl-dev"
        as_root apk add "${packages[@]}"
    elif have brew; then
        install_with_brew
    else
        fail "no package manager that this script knows (apt, dnf, pacman, zypper, apk, brew)." \
            "Please install by hand: ${needed//$'\n'/ }"
    fi
}

dry_run=false
case "${1-}" in
"") ;;
--dry-run) dry_run=true ;;
*) echo "usage: scripts/setup.sh [--dry-run]" >&2; exit 2 ;;
esac

needed=$(missing)
if [ -z "$needed" ]; then
    say "OpenBLAS, pkg-config and a C compiler are there: nothing to do."
else
    say "missing: ${needed//$'\n'/ }"
    install || fail "the package manager could not install them; its message is above." \
        "To build without OpenBLAS: cargo build --release --no-default-features --features report"
    if ! "$dry_run"; then
        needed=$(missing)
        [ -z "$needed" ] || fail "still missing after the installation: ${needed//$'\n'/ }"
        say "done."
    fi
fi
have cargo || say "Rust is missing too: see https://rustup.rs, then open a new terminal."
