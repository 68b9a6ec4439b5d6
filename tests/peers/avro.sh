#!/usr/bin/env bash
# Prints a Python that has confluent-kafka with its schema registry client and Avro: the first time, makes one.
set -euo pipefail

VERSION=2.16.1
# What the extra "avro" asks for, without its lower bounds, which may be newer than what a mirror has.
NEEDED="attrs authlib cachetools certifi fastavro httpx typing-extensions"
home=${KAFKA_HOME_DIR:-$HOME/.cache/kafka-sh}
venv=$home/confluent-kafka-avro-$VERSION
if [ ! -f "$venv/.complete" ]; then
  mkdir -p "$home"
  # One call at a time makes it; the others find it made.
  exec 9> "$venv.lock"
  flock 9
  if [ ! -f "$venv/.complete" ]; then
    python3 -m venv --clear "$venv" >&2
    "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --no-deps "confluent-kafka==$VERSION" >&2
    # shellcheck disable=SC2086
    "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: $NEEDED >&2
    touch "$venv/.complete"
  fi
fi
printf '%s\n' "$venv/bin/python"
