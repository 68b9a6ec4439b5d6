#!/usr/bin/env bash
# Prints a Python that has librdkafka: the first time, makes one (confluent-kafka's wheel brings librdkafka along).
set -euo pipefail

VERSION=2.16.1
home=${KAFKA_HOME_DIR:-$HOME/.cache/kafka-sh}
venv=$home/confluent-kafka-$VERSION
if [ ! -f "$venv/.complete" ]; then
  mkdir -p "$home"
  # One call at a time makes it; the others find it made.
  exec 9> "$venv.lock"
  flock 9
  if [ ! -f "$venv/.complete" ]; then
    python3 -m venv --clear "$venv" >&2
    "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: "confluent-kafka==$VERSION" >&2
    touch "$venv/.complete"
  fi
fi
printf '%s\n' "$venv/bin/python"
