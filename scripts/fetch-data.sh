#!/usr/bin/env bash
# Downloads data sets to where `gemmnist --data NAME` finds them. See `scripts/fetch-data.sh --help`.
#
# A file appears under its name only when its checksum is right; until then it is NAME.part, from which an interrupted
# download goes on.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
sources=$here/datasets.tsv
folder=${GEMMNIST_DATA:-${XDG_DATA_HOME:-${HOME-}/.local/share}/gemmnist/data}

say() { printf 'fetch-data: %s\n' "$*"; }
note() { printf 'fetch-data: %s\n' "$*" >&2; }
fail() { note "error: $*"; exit 1; }
wrong_use() { note "error: $*"; exit 2; }
have() { command -v "$1" >/dev/null 2>&1; }

usage() {
    cat <<TEXT
usage: scripts/fetch-data.sh [--to FOLDER] [--sources FILE] NAME... | all

Downloads data sets, each to FOLDER/NAME, checks them, and leaves alone what is there and whole.
Interrupted? Run it again: it goes on where it stopped.

  NAME            $(names)
  --to FOLDER     default: $folder
  --sources FILE  default: $sources
TEXT
}

# The data sets that the list of sources knows, on one line.
names() {
    local name rest list=" "
    while IFS=$'\t' read -r name rest || [ -n "$name" ]; do
        [[ $name == "" || $name == "#"* || $list == *" $name "* ]] || list+="$name "
    done <"$sources"
    list=${list# }
    echo "${list% }"
}

sha256() { if have sha256sum; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi | { read -r sum _ && echo "$sum"; }; }

bytes() { if [ -e "$1" ]; then wc -c <"$1" | tr -d ' '; else echo 0; fi; }

# Downloads $1 to $2, going on at the end of what $2 already holds. What arrived before a failure stays in $2.
download() {
    if ! have curl; then
        wget --no-verbose --tries=1 --timeout=60 --continue --output-document="$2" "$1"
        return
    fi
    local status=0 progress=(--silent --show-error)
    [ ! -t 2 ] || progress=(--progress-bar)
    local curl=(curl --fail --location --connect-timeout 30 --speed-limit 1 --speed-time 60 "${progress[@]}")
    "${curl[@]}" --continue-at - --output "$2" "$1" || status=$?
    if [ "$status" = 33 ]; then # the server cannot start in the middle; wget starts over by itself
        status=0
        "${curl[@]}" --output "$2" "$1" || status=$?
    fi
    return "$status"
}

# Whether the file $1 has the checksum $2; says what is wrong if not.
is_right() {
    local found
    found=sha256:$(sha256 "$1")
    [ "$found" = "$2" ] || { note "$1: checksum: expected $2, found $found ($(bytes "$1") bytes)"; return 1; }
}

# One mirror's try: $1 URL, $2 partial file, $3 checksum, $4 bytes.
fetch_from() {
    local start
    start=$(bytes "$2")
    if [ "$start" -ge "$4" ]; then # either the whole file or worthless: there is nothing to go on with
        ! is_right "$2" "$3" || return 0
        rm -f "$2"
        start=0
    fi
    if [ "$start" = 0 ]; then say "fetching $1"; else say "going on at byte $start of $4: $1"; fi
    download "$1" "$2" || return 1
    ! is_right "$2" "$3" || return 0
    rm -f "$2"
    [ "$start" != 0 ] && fetch_from "$@" # perhaps only the old part was wrong
}

# $1 final name, $2 checksum, $3 bytes, $4 URLs.
fetch_file() {
    local part=$1.part url
    if [ -e "$1" ]; then
        if is_right "$1" "$2"; then
            say "$1: already there and whole"
            return
        fi
        say "$1: is not the published file and will be replaced"
    fi
    mkdir -p "$(dirname "$1")" 2>/dev/null || fail "$(dirname "$1"): cannot be created; choose another folder with --to"
    for url in $4; do
        if fetch_from "$url" "$part" "$2" "$3"; then
            sync "$part" 2>/dev/null || true # where the system can: the bytes are on the disk before the name is
            mv -f "$part" "$1"
            say "$1: done, $3 bytes"
            return
        fi
        note "$url: did not deliver the file"
    done
    fail "$1: no mirror delivered it: expected $3 bytes, found $(bytes "$part") in $part;" \
        "check the connection and run this again"
}

# EMNIST is one archive of six data sets: each gets its own folder, with the checksums of what the archive held.
emnist_sets="balanced byclass bymerge digits letters mnist"

emnist_is_whole() {
    local set
    for set in $emnist_sets; do
        check_sums "$1/emnist-$set" || return 1
    done
}

# Whether every file that the folder's SHA256SUMS names is there and right, and that list whole.
check_sums() {
    [ -e "$1/SHA256SUMS" ] || return 1
    local sum file
    while read -r sum file; do
        [ -e "$1/$file" ] && [ "$(sha256 "$1/$file")" = "$sum" ] || return 1
    done <"$1/SHA256SUMS"
}

# $1 archive, $2 the data folder.
unpack_emnist() {
    local fresh=$2/.emnist-unpacking set file name
    rm -rf "$fresh"
    mkdir -p "$fresh"
    say "$1: unpacking"
    if have unzip; then
        unzip -q "$1" -d "$fresh" || fail "$1: could not be unpacked; is the disk full?"
    elif have python3; then
        python3 -m zipfile -e "$1" "$fresh" || fail "$1: could not be unpacked; is the disk full?"
    else
        fail "$1: neither unzip nor python3 was found; install one of them and run this again"
    fi
    for set in $emnist_sets; do
        mkdir -p "$2/emnist-$set"
        for file in "$fresh"/gzip/emnist-"$set"-*; do
            [ -e "$file" ] || fail "$1: holds no gzip/emnist-$set-*, which was expected"
            name=$(basename "$file")
            printf '%s  %s\n' "$(sha256 "$file")" "$name" >>"$fresh/$set.sums"
            mv -f "$file" "$2/emnist-$set/$name"
        done
        mv -f "$fresh/$set.sums" "$2/emnist-$set/SHA256SUMS" # last: only a whole folder has it
        say "$2/emnist-$set: done"
    done
    rm -rf "$fresh"
}

fetch_emnist() {
    if emnist_is_whole "$folder"; then
        say "$folder/emnist-*: already there and whole"
        return
    fi
    fetch_file "$folder/$1" "$2" "$3" "$4"
    unpack_emnist "$folder/$1" "$folder"
    rm -f "$folder/$1"
}

fetch_set() {
    local wanted=$1 name file checksum size urls
    while IFS=$'\t' read -r -u 3 name file checksum size urls || [ -n "$name" ]; do
        [ "$name" = "$wanted" ] || continue
        [[ $file != */* && $checksum == sha256:* && $size =~ ^[0-9]+$ && -n $urls ]] ||
            fail "$sources: $name: expected name, file, sha256:CHECKSUM, bytes, URLs, with tabs between;" \
                "found $file $checksum $size $urls"
        case $file in
        *.zip) fetch_emnist "$file" "$checksum" "$size" "$urls" ;;
        *) fetch_file "$folder/$name/$file" "$checksum" "$size" "$urls" ;;
        esac
    done 3<"$sources"
}

wanted=()
help=false
while [ $# -gt 0 ]; do
    case $1 in
    --to | --sources)
        [ -n "${2-}" ] || wrong_use "$1 needs a value; see scripts/fetch-data.sh --help"
        if [ "$1" = --to ]; then folder=$2; else sources=$2; fi
        shift
        ;;
    -h | --help) help=true ;;
    -*) wrong_use "unknown option $1; see scripts/fetch-data.sh --help" ;;
    *) wanted+=("$1") ;;
    esac
    shift
done
[ -r "$sources" ] || fail "$sources: the list of sources cannot be read; name one with --sources"
known=$(names)
if "$help"; then usage; exit; fi
[ "${#wanted[@]}" -gt 0 ] || wrong_use "name a data set: $known, or all"
for name in "${wanted[@]}"; do
    [[ " $known all " == *" $name "* ]] || wrong_use "unknown data set $name; expected one of: $known, all"
done
have curl || have wget || fail "neither curl nor wget was found; install one of them and run this again"
have sha256sum || have shasum || fail "neither sha256sum nor shasum was found; install one of them and run this again"
[[ " ${wanted[*]} " != *" all "* ]] || read -ra wanted <<<"$known"
for name in "${wanted[@]}"; do
    fetch_set "$name"
done
