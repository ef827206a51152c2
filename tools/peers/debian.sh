#!/usr/bin/env bash
# Installs the Debian packages of the commands that specs run, where a command is missing. Elsewhere, or without root, it says
# what is missing and goes on: the specs that need it then say so themselves.
set -euo pipefail
packages=()
need() { command -v "$1" > /dev/null || packages+=("$2"); }
need curl curl
need openssl openssl
need ip iproute2
need iptables iptables
need ip6tables iptables
need nghttp nghttp2-client
need python3 python3
need pip3 python3-pip
[ "${#packages[@]}" -eq 0 ] && echo "all there" && exit 0
if ! command -v apt-get > /dev/null || [ "$(id -u)" -ne 0 ]; then
  echo "missing, to be installed by hand: ${packages[*]}"
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get install -y --no-install-recommends "${packages[@]}" \
  || { apt-get update && apt-get install -y --no-install-recommends "${packages[@]}"; }
