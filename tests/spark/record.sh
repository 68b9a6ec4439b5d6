#!/usr/bin/env bash
# Runs the programs of this folder on Spark Streaming and records what they give, in recorded/, from the inputs in input/,
# which are made anew as well. Nothing has changed if `git diff --exit-code` in this folder says so.
#
#   record.sh                 all programs
#   record.sh PROGRAM...      only these, by the names of their classes
#
# Needs a JDK 17 (or 21) and Maven, which brings in Spark; works from the root or anywhere else. One program reads from a real
# Kafka: tests/kafka/kafka.sh starts it under a name of this run's own, on KAFKA_PORT (29092).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
target=$here/../../target/spark

mvn -q -B -f "$here/pom.xml" compile dependency:build-classpath

# What no program records any more is not to stay.
[ $# -gt 0 ] || rm -rf "$here/recorded"

export KAFKA_NAME=spark-$$
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"; [ -z "${started:-}" ] || "$here/../kafka/kafka.sh" stop --wipe' EXIT
bootstrap=none
if [ $# -eq 0 ] || [[ " $* " == *" KafkaDirect "* ]]; then
  started=1
  "$here/../kafka/kafka.sh" start --port "${KAFKA_PORT:-29092}"
  bootstrap=127.0.0.1:${KAFKA_PORT:-29092}
fi

# Spark 3.5 reaches into these packages.
opens=()
for package in java.lang java.lang.invoke java.lang.reflect java.io java.net java.nio java.util java.util.concurrent \
  java.util.concurrent.atomic jdk.internal.ref sun.nio.ch sun.nio.cs sun.security.action sun.util.calendar; do
  opens+=("--add-opens=java.base/$package=ALL-UNNAMED")
done
SPARK_LOCAL_IP=127.0.0.1 SPARK_LOCAL_DIRS=$scratch java -Xmx1g -XX:+UseSerialGC -Duser.language=en "${opens[@]}" \
  -cp "$target/classes:$(cat "$target/classpath")" Main "$here" "$scratch" "$bootstrap" "$@"
