#!/usr/bin/env bash
#
# kafka.sh: a real Apache Kafka (KRaft) on the loopback interface, for tests.
#
# It takes Kafka's jars by their Maven coordinates, starts one node or three on
# ports of your choice, waits until the cluster serves clients, and prints where
# it listens. No container, no root, no installation: a JDK 17 or newer and
# Maven (and openssl for the TLS listeners) are all it needs.
#
#   kafka.sh start [options]     start a cluster and print its addresses
#   kafka.sh stop [--wipe]       stop it (--wipe: and remove its data)
#   kafka.sh kill N              kill -9 node N            (N counts from 1)
#   kafka.sh stop-node N         stop node N in good order
#   kafka.sh pause N | resume N  freeze node N, and let it go on
#   kafka.sh restart N           start node N again, on its old data
#   kafka.sh status              one line a node: up or down, pid, ports
#   kafka.sh env                 the addresses again, for: eval "$(kafka.sh env)"
#   kafka.sh reissue             new certificates of the same CA, in the same files (--ssl, --mtls)
#   kafka.sh tool NAME ARGS...   run one of Kafka's own tools; without a NAME, list them
#   kafka.sh logs N              print node N's log
#   kafka.sh fetch               only bring in the jars, and print their folder
#   kafka.sh clients V...        only bring in the kafka-clients jar of each version, and print where they are (A:B)
#
# Options of start:
#   --version V     Kafka version                      (4.3.0, or $KAFKA_VERSION)
#   --nodes N       1 or 3, each broker and controller (1)
#   --port P        first port                         (29092, or $KAFKA_PORT; see "Ports")
#   --sasl          also listen with SASL: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER (unsigned tokens)
#   --ssl           also listen with TLS; a client may show a certificate
#   --mtls          the same, but a client must show one
#   --ecdsa         certificates of ECDSA with P-256, not of RSA with 2048 bits
#   --acl           switch the authorizer on: SASL users need ACLs, plain text and "admin" may do all
#   --heap SIZE     each node's heap                   (512m)
#   --conf K=V      any broker setting (repeatable), over those below
#   --classpath P   classes of your own for the nodes, such as a plug-in that --conf names
#   --timeout S     seconds to wait for readiness      (90)
# Options of every command:
#   --name NAME     several clusters side by side      (default, or $KAFKA_NAME)
#   --version V     which jars, for fetch and tool
#
# Ports: node 1 listens on P (plain text), P+1 (SASL_PLAINTEXT), P+2 (SSL),
# P+3 (SASL_SSL, with --sasl and --ssl) and P+9 (controller); node 2 on the
# same ten places on, node 3 ten more. All on 127.0.0.1. Choose them below
# 32768: above, the system hands the same numbers to outgoing connections, and
# a node now and then finds its port taken.
#
# Users, for every mechanism: alice / alice-secret, bob / bob-secret,
# admin / admin-secret. Certificates (password-less, made anew for each
# cluster): ca.pem, client.pem and client.key; `env` names them.
#
# Where things are: ${KAFKA_HOME_DIR:-$HOME/.cache/kafka-sh}, with the jars of
# each version under libs-V and each cluster's nodes under clusters/NAME.
#
# Two calls of this script for the same cluster name at once are not guarded
# against each other; for clusters of different names and ports they are fine.
# It runs with bash 3.2 and newer, on Linux and on macOS.

set -euo pipefail

HOME_DIR=${KAFKA_HOME_DIR:-$HOME/.cache/kafka-sh}
VERSION=${KAFKA_VERSION:-4.3.0}
TOOLS_VERSION=4.3.0           # whose tools serve for a version that has none
NAME=${KAFKA_NAME:-default}
VERSION_GIVEN=
NODES=1
PORT=${KAFKA_PORT:-29092}
SASL=
SSL=
ECDSA=
CLIENT_AUTH=requested
ACL=
HEAP=512m
CLASSES=
TIMEOUT=90
WIPE=
CONF=()
ARGS=()

say() { printf '%s\n' "$*" >&2; }
die() { say "kafka.sh: $*"; exit 1; }
usage() { sed -n '3,/^$/p' "$0" | sed 's/^#\{0,1\} \{0,1\}//'; }

# ---------------------------------------------------------------- arguments

[ $# -gt 0 ] || { usage; exit 2; }
COMMAND=$1
shift
value() { [ $# -ge 2 ] || die "$1 needs a value"; }
while [ $# -gt 0 ]; do
  case $1 in
    --version) value "$@"; VERSION=$2; VERSION_GIVEN=1; shift 2 ;;
    --name) value "$@"; NAME=$2; shift 2 ;;
    --) shift; ARGS+=("$@"); break ;;
    *)
      if [ "$COMMAND" = tool ]; then ARGS+=("$@"); break; fi   # the rest is the tool's
      case $1 in
        --nodes) value "$@"; NODES=$2; shift 2 ;;
        --port) value "$@"; PORT=$2; shift 2 ;;
        --heap) value "$@"; HEAP=$2; shift 2 ;;
        --classpath) value "$@"; CLASSES=$2; shift 2 ;;
        --timeout) value "$@"; TIMEOUT=$2; shift 2 ;;
        --conf) value "$@"; CONF+=("$2"); shift 2 ;;
        --sasl) SASL=1; shift ;;
        --ssl) SSL=1; shift ;;
        --mtls) SSL=1; CLIENT_AUTH=required; shift ;;
        --ecdsa) ECDSA=1; shift ;;
        --acl) ACL=1; SASL=1; shift ;;
        --wipe) WIPE=1; shift ;;
        -h|--help) usage; exit 0 ;;
        --*) die "no option $1 (see kafka.sh --help)" ;;
        *) ARGS+=("$1"); shift ;;
      esac ;;
  esac
done
case $NAME in ''|*[!A-Za-z0-9._-]*) die "a cluster's name is of letters, digits, '.', '_' and '-'" ;; esac
CLUSTER=$HOME_DIR/clusters/$NAME
STATE=$CLUSTER/state          # what this cluster was started with, as shell assignments

# ---------------------------------------------------------------- java and jars

java_bin() {
  if [ -n "${JAVA_HOME:-}" ] && [ -x "$JAVA_HOME/bin/java" ]; then printf '%s\n' "$JAVA_HOME/bin/java"
  else command -v java || die "no java: install a JDK, 17 or newer"; fi
}

libs() { printf '%s\n' "$HOME_DIR/libs-$VERSION"; }

# A project that asks for nothing but Kafka's jars ($2: and its tools).
write_pom() {
  cat > "$1/pom.xml" <<POM
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka-jars</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$VERSION</version></dependency>
    ${2:+<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$VERSION</version></dependency>}
    <!-- The jars bring no logger (before 4.0, one that wants a file of its own, left out by copy_jars):
         without one a node would start and fail in silence. -->
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
POM
}

copy_jars() {
  mvn -q -B -f "$1/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
    -DexcludeArtifactIds=slf4j-reload4j -DoutputDirectory="$1/libs" > "$1/mvn.log" 2>&1
}

# Kafka's jars and all they need, once for each version: into a folder of its
# own first, so that a broken download leaves nothing that looks whole.
fetch() {
  local dir tmp
  dir=$(libs)
  [ -f "$dir/.complete" ] && return 0
  command -v mvn >/dev/null || die "no mvn: install Maven"
  mkdir -p "$HOME_DIR"
  tmp=$(mktemp -d "$HOME_DIR/fetch.XXXXXX")
  say "fetching Kafka $VERSION"
  write_pom "$tmp" with-tools
  if ! copy_jars "$tmp"; then
    # A version may be there without its tools: its nodes run all the same.
    rm -rf "$tmp/libs"
    write_pom "$tmp"
    copy_jars "$tmp" || { tail -n 20 "$tmp/mvn.log" >&2; rm -rf "$tmp"; die "Maven could not bring in Kafka $VERSION"; }
    touch "$tmp/libs/.no-tools"
    say "no kafka-tools $VERSION: kafka.sh tool will use those of $TOOLS_VERSION"
  fi
  touch "$tmp/libs/.complete"
  rm -rf "$dir"
  # Another call may have brought the same jars in meanwhile: then theirs serve.
  mv "$tmp/libs" "$dir" 2>/dev/null || [ -f "$dir/.complete" ] || die "could not move the jars to $dir"
  rm -rf "$tmp"
}

# The jar of Kafka's own client, which holds the definitions of all messages, of each version.
clients() {
  local v jar tmp out=
  [ $# -gt 0 ] || die "which versions?"
  for v; do
    jar=$HOME_DIR/clients/kafka-clients-$v.jar
    if [ ! -f "$jar" ]; then
      command -v mvn >/dev/null || die "no mvn: install Maven"
      mkdir -p "$HOME_DIR/clients"
      tmp=$(mktemp -d "$HOME_DIR/fetch.XXXXXX")
      say "fetching kafka-clients $v"
      mvn -q -B dependency:copy -Dartifact="org.apache.kafka:kafka-clients:$v" -DoutputDirectory="$tmp" > "$tmp/mvn.log" 2>&1 ||
        { tail -n 20 "$tmp/mvn.log" >&2; rm -rf "$tmp"; die "Maven could not bring in kafka-clients $v"; }
      mv "$tmp/${jar##*/}" "$jar"
      rm -rf "$tmp"
    fi
    out=$out${out:+:}$jar
  done
  printf '%s\n' "$out"
}

java_run() { "$(java_bin)" -cp "$(libs)/*" -Dorg.slf4j.simpleLogger.defaultLogLevel=error "$@"; }

# Whether version V is at least $1.$2.
at_least() {
  local major minor rest
  major=${VERSION%%.*}; rest=${VERSION#*.}; minor=${rest%%.*}
  [ "$major" -gt "$1" ] || { [ "$major" -eq "$1" ] && [ "$minor" -ge "$2" ]; }
}

# ---------------------------------------------------------------- nodes

# shellcheck source=/dev/null
load_state() { [ -f "$STATE" ] || die "no cluster '$NAME': start it first"; . "$STATE"; }
node_dir() { printf '%s\n' "$CLUSTER/node$1"; }
node_port() { printf '%s\n' $((PORT + ($1 - 1) * 10)); }
check_node() {
  case ${1:-} in ''|*[!0-9]*) die "which node? 1 to $NODES" ;; esac
  { [ "$1" -ge 1 ] && [ "$1" -le "$NODES" ]; } || die "no node $1: this cluster has $NODES"
}

# The node's process, if it runs and is ours: a recycled number is not.
node_pid() {
  local f pid
  f=$(node_dir "$1")/pid
  [ -f "$f" ] || return 1
  pid=$(cat "$f")
  case $(ps -p "$pid" -o args= 2>/dev/null) in
    *"$(node_dir "$1")/server.properties"*) printf '%s\n' "$pid" ;;
    *) return 1 ;;
  esac
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Every listener of one kind, comma-separated: P plus $1 of each node.
addresses() {
  local n out=
  for n in $(seq 1 "$NODES"); do out="$out${out:+,}127.0.0.1:$(($(node_port "$n") + $1))"; done
  printf '%s\n' "$out"
}

print_env() {
  echo "KAFKA_BOOTSTRAP=$(addresses 0)"
  [ -z "$SASL" ] || echo "KAFKA_BOOTSTRAP_SASL=$(addresses 1)"
  [ -z "$SSL" ] || echo "KAFKA_BOOTSTRAP_SSL=$(addresses 2)"
  [ -z "$SASL" ] || [ -z "$SSL" ] || echo "KAFKA_BOOTSTRAP_SASL_SSL=$(addresses 3)"
  if [ -n "$SSL" ]; then
    echo "KAFKA_SSL_CA='$CLUSTER/certs/ca.pem'"
    echo "KAFKA_SSL_CERT='$CLUSTER/certs/client.pem'"
    echo "KAFKA_SSL_KEY='$CLUSTER/certs/client.key'"
  fi
  echo "KAFKA_VERSION=$VERSION"
}

new_key() {
  if [ -n "$ECDSA" ]; then openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"
  else openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1"; fi
}

# A server's and a client's certificate, in the current folder.
issue_certs() {
  local who subject
  for who in server client; do
    subject=/CN=localhost; [ "$who" = client ] && subject=/CN=test-client
    new_key "$who.key"
    openssl req -new -key "$who.key" -subj "$subject" -config ext.cnf -out "$who.csr"
    openssl x509 -req -in "$who.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -sha256 -days 3650 -extfile ext.cnf -extensions leaf -out "$who.pem"
  done
  cat server.key server.pem ca.pem > keystore.pem        # as Kafka reads a PEM key store: key, then chain
}

# New ones of the same CA. A node reads its own when it starts, and when a setting of its listener is set anew.
reissue() {
  load_state
  [ -n "$SSL" ] || die "cluster '$NAME' has no TLS"
  (cd "$CLUSTER/certs" && exec 2>openssl.log && issue_certs) || die "openssl failed: see $CLUSTER/certs/openssl.log"
}

# A certificate authority, and what it issues.
make_certs() {
  local d=$CLUSTER/certs
  command -v openssl >/dev/null || die "no openssl: --ssl needs it"
  mkdir -p "$d"
  (
    cd "$d"
    exec 2>openssl.log
    printf '[req]\ndistinguished_name=dn\n[dn]\n[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n[leaf]\nbasicConstraints=CA:FALSE\nsubjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n' > ext.cnf
    new_key ca.key
    openssl req -x509 -new -key ca.key -sha256 -days 3650 -subj '/CN=kafka.sh test CA' -config ext.cnf -extensions ca -out ca.pem
    issue_certs
  ) || die "openssl failed: see $d/openssl.log"
}

# One node's settings. The small sizes make a start and a failover quick; the
# rest is what Kafka does by default. Later lines win, so --conf comes last.
write_properties() {
  local n=$1 p listeners map voters='' i rf min_isr
  p=$(node_port "$n")
  rf=1; min_isr=1
  if [ "$NODES" -ge 3 ]; then rf=3; min_isr=2; fi
  listeners=PLAINTEXT://127.0.0.1:$p
  map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
  if [ -n "$SASL" ]; then listeners=$listeners,SASL://127.0.0.1:$((p + 1)); map=$map,SASL:SASL_PLAINTEXT; fi
  if [ -n "$SSL" ]; then listeners=$listeners,SSL://127.0.0.1:$((p + 2)); map=$map,SSL:SSL; fi
  if [ -n "$SASL" ] && [ -n "$SSL" ]; then listeners=$listeners,SASLSSL://127.0.0.1:$((p + 3)); map=$map,SASLSSL:SASL_SSL; fi
  for i in $(seq 1 "$NODES"); do voters="$voters${voters:+,}$i@127.0.0.1:$(($(node_port "$i") + 9))"; done
  cat <<PROPS
process.roles=broker,controller
node.id=$n
broker.rack=rack$n
controller.quorum.voters=$voters
listeners=$listeners,CONTROLLER://127.0.0.1:$((p + 9))
advertised.listeners=$listeners
listener.security.protocol.map=$map
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$(node_dir "$n")/data
num.partitions=4
default.replication.factor=$rf
min.insync.replicas=$min_isr
offsets.topic.num.partitions=4
offsets.topic.replication.factor=$rf
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=$rf
transaction.state.log.min.isr=$min_isr
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=4000
replica.selector.class=org.apache.kafka.common.replica.RackAwareReplicaSelector
group.min.session.timeout.ms=1000
PROPS
  if at_least 4 0; then
    # How often a member of the new group protocol calls in: quick enough for a test.
    echo "group.consumer.min.heartbeat.interval.ms=500"
    echo "group.consumer.heartbeat.interval.ms=1000"
    echo "group.consumer.min.session.timeout.ms=3000"
  fi
  if at_least 4 1; then
    echo "share.coordinator.state.topic.num.partitions=4"
    echo "share.coordinator.state.topic.replication.factor=$rf"
    echo "share.coordinator.state.topic.min.isr=$min_isr"
  fi
  at_least 4 2 || { ! at_least 4 0 && echo "group.coordinator.rebalance.protocols=classic,consumer" || true; }
  if [ -n "$SASL" ]; then
    local l plain scram="org.apache.kafka.common.security.scram.ScramLoginModule required;"
    plain='org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="alice-secret" user_bob="bob-secret" user_admin="admin-secret";'
    echo "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER"
    for l in sasl saslssl; do
      echo "listener.name.$l.plain.sasl.jaas.config=$plain"
      echo "listener.name.$l.scram-sha-256.sasl.jaas.config=$scram"
      echo "listener.name.$l.scram-sha-512.sasl.jaas.config=$scram"
      echo "listener.name.$l.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"admin\";"
    done
  fi
  if [ -n "$SSL" ]; then
    echo "ssl.keystore.type=PEM"
    echo "ssl.keystore.location=$CLUSTER/certs/keystore.pem"
    echo "ssl.truststore.type=PEM"
    echo "ssl.truststore.location=$CLUSTER/certs/ca.pem"
    echo "ssl.client.auth=$CLIENT_AUTH"
  fi
  if [ -n "$ACL" ]; then
    echo "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer"
    echo "super.users=User:ANONYMOUS;User:admin"
  fi
  for i in ${CONF[@]+"${CONF[@]}"}; do echo "$i"; done
}

# A node's storage must be formatted once, with the cluster's id; the SCRAM
# users go into the metadata log here, before anyone could log in to add them.
format() {
  local d=$1 u m args
  args=(format -t "$CLUSTER_ID" -c "$d/server.properties" --ignore-formatted)
  if [ -n "$SASL" ]; then
    for u in alice bob admin; do
      for m in SCRAM-SHA-256 SCRAM-SHA-512; do args+=(--add-scram "$m=[name=$u,password=$u-secret]"); done
    done
  fi
  java_run kafka.tools.StorageTool "${args[@]}" > "$d/format.log" 2>&1 || { cat "$d/format.log" >&2; die "could not format $d"; }
}

launch() {
  local n=$1 d java wrap=
  d=$(node_dir "$n")
  java=$(java_bin)
  # Out of this shell's session, so that the node outlives the call that started it.
  command -v setsid >/dev/null && wrap=setsid
  mv -f "$d/kafka.log" "$d/kafka.log.1" 2>/dev/null || true
  (
    cd "$d"
    nohup $wrap "$java" -Xms64m "-Xmx$HEAP" -XX:+UseSerialGC -Djava.awt.headless=true \
      -Dorg.slf4j.simpleLogger.defaultLogLevel=info -Dorg.slf4j.simpleLogger.showDateTime=true \
      -Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS -Dorg.slf4j.simpleLogger.showThreadName=false \
      -cp "$(libs)/*${CLASSES:+:$CLASSES}" kafka.Kafka "$d/server.properties" > "$d/kafka.log" 2>&1 < /dev/null &
    echo $! > "$d/pid"
  )
}

# What its log says is wrong, or else how it ends.
show_log() { { grep -A 3 -E ' (ERROR|FATAL) ' "$1/kafka.log" || tail -n 15 "$1/kafka.log"; } | head -n 30 >&2 || true; }

# A node says so in its log once the controller has let it serve clients.
wait_ready() {
  local n d deadline
  deadline=$(($(date +%s) + TIMEOUT))
  for n in "$@"; do
    d=$(node_dir "$n")
    until grep -q 'Kafka Server started' "$d/kafka.log" 2>/dev/null && port_open "$(node_port "$n")"; do
      node_pid "$n" > /dev/null || { show_log "$d"; die "node $n ended: see $d/kafka.log"; }
      [ "$(date +%s)" -lt "$deadline" ] || { show_log "$d"; die "node $n was not ready in $TIMEOUT s: see $d/kafka.log"; }
      sleep 0.2
    done
  done
}

# Ends a node: in good order, and after 15 seconds by force.
end_node() {
  local pid i
  pid=$(node_pid "$1") || { rm -f "$(node_dir "$1")/pid"; return 0; }
  kill -CONT "$pid" 2>/dev/null || true
  kill -TERM "$pid" 2>/dev/null || true
  for i in $(seq 1 75); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.2
  done
  kill -KILL "$pid" 2>/dev/null || true
  rm -f "$(node_dir "$1")/pid"
}

# ---------------------------------------------------------------- commands

start() {
  local n o pids=
  case $NODES in 1|3) ;; *) die "--nodes is 1 or 3" ;; esac
  for o in PORT TIMEOUT; do case ${!o} in ''|*[!0-9]*) die "--$(printf %s "$o" | tr A-Z a-z) is a number" ;; esac; done
  if [ -f "$STATE" ]; then
    for n in 1 2 3; do node_pid "$n" > /dev/null && die "cluster '$NAME' runs already: stop it, or choose another --name"; done
    # A second start is a fresh cluster: to go on with the old data, use restart.
    rm -rf "$CLUSTER"
  fi
  for n in $(seq 1 "$NODES"); do
    for o in 0 1 2 3 9; do
      port_open $(($(node_port "$n") + o)) && die "port $(($(node_port "$n") + o)) is taken: choose another --port"
    done
  done
  fetch
  mkdir -p "$CLUSTER"
  CLUSTER_ID=$(java_run kafka.tools.StorageTool random-uuid 2>/dev/null)
  {
    for o in VERSION NODES PORT SASL SSL ECDSA HEAP CLASSES CLUSTER_ID; do printf '%s=%q\n' "$o" "${!o}"; done
  } > "$STATE"
  [ -z "$SSL" ] || make_certs
  for n in $(seq 1 "$NODES"); do
    mkdir -p "$(node_dir "$n")"
    write_properties "$n" > "$(node_dir "$n")/server.properties"
    format "$(node_dir "$n")" & pids="$pids $!"
  done
  for o in $pids; do wait "$o" || exit 1; done
  # A cluster that does not come up whole is not left half running.
  trap 'for n in $(seq 1 "$NODES"); do end_node "$n" & done; wait' EXIT
  for n in $(seq 1 "$NODES"); do launch "$n"; done
  # shellcheck disable=SC2046
  wait_ready $(seq 1 "$NODES")
  trap - EXIT
  print_env
}

stop() {
  local n
  [ -f "$STATE" ] || return 0
  load_state
  for n in $(seq 1 "$NODES"); do end_node "$n" & done
  wait
  [ -z "$WIPE" ] || rm -rf "$CLUSTER"
}

status() {
  local n pid down=0
  load_state
  for n in $(seq 1 "$NODES"); do
    if pid=$(node_pid "$n"); then echo "node $n up, pid $pid, 127.0.0.1:$(node_port "$n")"
    else echo "node $n down, 127.0.0.1:$(node_port "$n")"; down=1; fi
  done
  return $down
}

signal_node() {
  local pid
  load_state
  check_node "${2:-}"
  pid=$(node_pid "$2") || die "node $2 does not run"
  kill "-$1" "$pid"
  if [ "$1" = KILL ]; then
    while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
    rm -f "$(node_dir "$2")/pid"
  fi
}

restart() {
  load_state
  check_node "${1:-}"
  node_pid "$1" > /dev/null && die "node $1 runs: kill or stop-node it first"
  launch "$1"
  wait_ready "$1"
}

# Kafka's command-line tools by the names of their scripts.
tool() {
  local name=${1:-} class p=org.apache.kafka.tools
  [ -n "$VERSION_GIVEN" ] || [ ! -f "$STATE" ] || load_state
  fetch
  if [ -f "$(libs)/.no-tools" ]; then VERSION=$TOOLS_VERSION; fetch; fi
  case $name in
    '') echo "topics configs consumer-groups share-groups streams-groups groups acls features transactions metadata-quorum broker-api-versions
leader-election reassign-partitions delete-records log-dirs get-offsets console-producer console-consumer console-share-consumer
producer-perf-test consumer-perf-test dump-log storage, or a class by its full name"; return ;;
    topics) class=$p.TopicCommand ;;
    configs) class=kafka.admin.ConfigCommand ;;
    consumer-groups) class=$p.consumer.group.ConsumerGroupCommand ;;
    share-groups) class=$p.consumer.group.ShareGroupCommand ;;
    streams-groups) class=$p.streams.StreamsGroupCommand ;;
    groups) class=$p.GroupsCommand ;;
    acls) if at_least 4 1; then class=$p.AclCommand; else class=kafka.admin.AclCommand; fi ;;
    features) class=$p.FeatureCommand ;;
    transactions) class=$p.TransactionsCommand ;;
    metadata-quorum) class=$p.MetadataQuorumCommand ;;
    broker-api-versions) if at_least 4 0; then class=$p.BrokerApiVersionsCommand; else class=kafka.admin.BrokerApiVersionsCommand; fi ;;
    leader-election) class=$p.LeaderElectionCommand ;;
    reassign-partitions) class=$p.reassign.ReassignPartitionsCommand ;;
    delete-records) class=$p.DeleteRecordsCommand ;;
    log-dirs) class=$p.LogDirsCommand ;;
    get-offsets) class=$p.GetOffsetShell ;;
    console-producer) if at_least 4 0; then class=$p.ConsoleProducer; else class=kafka.tools.ConsoleProducer; fi ;;
    console-consumer) class=$p.consumer.ConsoleConsumer ;;
    console-share-consumer) class=$p.consumer.ConsoleShareConsumer ;;
    producer-perf-test) class=$p.ProducerPerformance ;;
    consumer-perf-test) class=$p.ConsumerPerformance ;;
    dump-log) if at_least 4 3; then class=$p.DumpLogSegments; else class=kafka.tools.DumpLogSegments; fi ;;
    storage) class=kafka.tools.StorageTool ;;
    *.*) class=$name ;;
    *) die "no tool $name: kafka.sh tool lists them" ;;
  esac
  shift
  java_run -Xmx256m "$class" "$@"
}

set -- ${ARGS[@]+"${ARGS[@]}"}
case $COMMAND in
  start) start ;;
  stop) stop ;;
  kill) signal_node KILL "${1:-}" ;;
  pause) signal_node STOP "${1:-}" ;;
  resume) signal_node CONT "${1:-}" ;;
  stop-node) load_state; check_node "${1:-}"; end_node "$1" ;;
  restart) restart "${1:-}" ;;
  reissue) reissue ;;
  status) status ;;
  env) load_state; print_env ;;
  tool) tool "$@" ;;
  logs) load_state; check_node "${1:-}"; cat "$(node_dir "$1")/kafka.log" ;;
  fetch) fetch; libs ;;
  clients) clients "$@" ;;
  -h|--help|help) usage ;;
  *) usage; die "no command $COMMAND" ;;
esac
