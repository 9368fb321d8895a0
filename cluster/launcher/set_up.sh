#!/bin/bash
# Installs the project on a machine: set_up.sh REPOSITORY VENV
# Without a GPU torch comes from TORCH_CPU_INDEX, where that is set. Doing it again is quick and changes nothing that is
# up to date. After it every shell of this user has the environment and speaks to Ray with its token.
set -euo pipefail
repository=$(cd "$1" && pwd)
venv=$2
lock=$repository/constraints.txt

if ! python3 -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    sudo apt-get update -qq
    sudo apt-get install -qq --yes --no-install-recommends python3-venv
fi
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"

index=()
if ! command -v nvidia-smi >/dev/null || ! nvidia-smi --list-gpus >/dev/null 2>&1; then
    index=(${TORCH_CPU_INDEX:+--index-url "$TORCH_CPU_INDEX"})
fi
pip=("$venv/bin/python" -m pip install --quiet --disable-pip-version-check)
"${pip[@]}" "${index[@]}" "$(grep '^torch==' "$lock")"
# The launcher's libraries too: the head starts the other machines.
"${pip[@]}" --constraint "$lock" --editable "$repository[launcher]"

profile=$(printf 'export PATH="%s:$PATH" RAY_AUTH_MODE=token  # emotalk' "$venv/bin")
touch ~/.bashrc
# First in the file: on Ubuntu the rest is for interactive shells only.
grep -qxF "$profile" ~/.bashrc || sed -i "1i $profile" ~/.bashrc
[ -s ~/.bashrc ] || echo "$profile" >~/.bashrc
