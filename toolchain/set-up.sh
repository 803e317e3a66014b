# shellcheck shell=sh
# Sourced by the launcher and by toolchain/run, with $repository set. `set_up GOAL` returns when everything that the goal
# needs is there, and leaves in $node the Node to use; otherwise it ends the program with one sentence.

stamp=$repository/node_modules/.smartcopy-ready

refuse() {
  printf 'smartcopy: %s\n' "$1" >&2
  exit 1
}

# What the set-up depends on. Names starting with a dot are editors' work, not ours.
find_inputs() {
  cd "$repository" || exit
  find package.json package-lock.json */package.json native/CMakeLists.txt native/src toolchain ! -name '.*' "$@"
}

hash_inputs() {
  cd "$repository" || exit
  find_inputs -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum
}

# Whether no input has changed since the time of the stamp, which one look at change times tells, and reading them all takes ten
# times as long. Nobody can set change times back; of what was removed or renamed the folder tells. An older find cannot ask.
is_untouched() {
  touched=$(find_inputs -newercm "$stamp" -print -quit 2>/dev/null) && [ -z "$touched" ]
}

# The stamp names the Node to use and says what was true when the set-up ended: the inputs, and which files the Node binary
# and the addon were. Its time is from before the inputs were read. The `node` in PATH is not asked: it differs between a shell
# and a cron job, and both must be served.
is_ready() {
  if read_stamp && is_untouched; then
    inputs=$ready_inputs
  else
    looked_at=$(now)
    inputs=$(hash_inputs)
    [ "$inputs" = "${ready_inputs-}" ] || return 1
    touch -d "@$looked_at" "$stamp" 2>/dev/null # a clone that belongs to somebody else is read every time
  fi
  [ "$(stat -L -c '%s %Y' -- "$node" "$repository/native/build/smartcopy.node" 2>/dev/null)" = "$ready_node
$ready_addon" ]
}

# A second ago, because the clock of files lags behind that of date.
now() {
  echo $(($(date +%s) - 1))
}

read_stamp() {
  [ -r "$stamp" ] &&
    { IFS= read -r node && IFS= read -r ready_inputs && IFS= read -r ready_node && IFS= read -r ready_addon; } <"$stamp"
}

# One set-up at a time for all clones that share the cache, and for all caches that serve the clone (with sudo and without). The
# locks go with the last process that holds them, and the tools that change things hold them too: after a killed set-up, the
# next one waits until what it left running has ended.
lock() {
  command -v flock >/dev/null || refuse 'setting up needs flock: install util-linux'
  case ${XDG_CACHE_HOME-} in
    /*) cache=$XDG_CACHE_HOME/smartcopy ;;
    *) cache=${HOME:-$repository}/.cache/smartcopy ;;
  esac
  mkdir -p -- "$cache" && [ -w "$cache" ] ||
    refuse "the cache folder $cache cannot be written; set XDG_CACHE_HOME to a folder that can"
  exec 9>>"$cache/lock"
  lock_descriptor 9 "$cache/lock"
  # A file that every clone has: whoever may not write it can lock it all the same.
  exec 8<"$repository/package.json"
  lock_descriptor 8 "$repository/package.json"
}

lock_descriptor() {
  flock --nonblock "$1" && return
  echo 'smartcopy: another set-up is running; waiting for it to end' >&2
  flock "$1" || refuse "$2 could not be locked"
}

set_up() {
  is_ready && [ "$1" = launch ] && return
  lock
  if is_ready; then
    [ "$1" = launch ] || run_set_up "$1" || exit 1
  else
    node=node
    command -v node >/dev/null && command -v npm >/dev/null ||
      refuse 'setting up needs Node 20 or newer and npm: install both'
    run_set_up "$1" || exit 1
    IFS= read -r node <"$stamp"
  fi
  exec 8<&- 9>&-
}

# The caller's standard input and output are the program's, not the set-up's.
run_set_up() {
  : "${looked_at:=$(now)}"
  SMARTCOPY_CACHE=$cache "$node" "$repository/toolchain/set-up.mjs" "$1" "$inputs" </dev/null >&2 &&
    touch -d "@$looked_at" "$stamp"
}
