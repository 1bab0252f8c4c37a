#!/bin/sh
# Standing guard for Patroni: this node does not become a primary while the other site has one.
#
#   pre-promote-guard.sh [OPTION…] URL…              asks, and exits with 1 when this node must not be promoted
#   pre-promote-guard.sh --self-test [OPTION…] URL…  says line by line whether it can do its work here; exits with 1 when it cannot
#
#   URL             where a Patroni of the OTHER site answers, such as https://b1:8008; give all of its nodes
#   --cacert FILE   the authority that has signed their certificates, PEM
#   --cert FILE     our own certificate, and
#   --key FILE      its key, where they want to see one
#   --witness URL   something in a third place that looks at the other site: it answers 200 while that site has a primary, and 503 while
#                   it has none. It is asked too, and counts where the other site's own nodes cannot be asked
#   --fail-closed   refuse when it is not known whether the other site has a primary; only with a --witness, see below
#
# It needs no console, and works when nobody is looking: a site that was lost comes back believing itself to be active, and
# without a guard it would accept writes within three seconds.
#
# Installation, on every database node of both sites:
#   1. Copy this file to the node, for example to /etc/switchback/pre-promote-guard.sh; owned by root, mode 755. It needs a POSIX
#      shell and curl; with `logger` its reasons are in syslog too.
#   2. Try it there, as the user that runs Patroni:
#        /etc/switchback/pre-promote-guard.sh --self-test --cacert /etc/switchback/patroni-ca.pem https://b1:8008 https://b2:8008
#   3. Name it, with the same arguments but --self-test, in the cluster's dynamic configuration (not in each node's own file: only there can
#      a console see that it is there; whether it works only the self-test can see):
#        patronictl edit-config --force -s 'postgresql.pre_promote=/etc/switchback/pre-promote-guard.sh --cacert /etc/switchback/patroni-ca.pem https://b1:8008 https://b2:8008'
#   4. Patroni takes it up by itself within `loop_wait`. Repeat the self-test after each change of certificates or addresses.
#   Further arguments of curl may be in GUARD_CURL, in the environment of Patroni's service.
#   Put haproxy-write-guard.cfg, which is beside this file, into HAProxy as well: each covers what the other cannot.
#
# What it does: asks all of them at once (GET /primary), for at most one second altogether.
#   - Somebody answers 200: refused. Patroni then gives the leader key back and tries again later.
#   - All nodes answer 503, which is Patroni's way to say "not primary", or one of them is not known and a witness says 503: allowed.
#   - Otherwise it is NOT KNOWN: no curl, no arguments, no answer, a certificate that is not trusted, 401, anything else. Then it is ALLOWED,
#     and said loudly (syslog, daemon.err): refusing would end high availability inside a site as soon as the link between the sites is
#     cut. A site that is cut off and back can become a second primary then. With --fail-closed it is refused: whoever wants that needs
#     something in a third place that still knows (--witness), or no node is promoted as long as the other site is down.
# It is asked before local failovers and planned promotions too; there it costs some milliseconds, and one second while a node of the
# other site is silent.

cacert='' cert='' key='' fail_closed='' self_test='' peers='' witnesses='' wrong=''

# note LEVEL TEXT: to whoever called, and to syslog, without waiting for it.
note() {
  echo "pre-promote guard: $2" >&2
  command -v logger >/dev/null 2>&1 && { logger -t switchback-guard -p "daemon.$1" -- "$2" </dev/null >/dev/null 2>&1 & }
}

# is_url TEXT: one address without spaces. What follows host and port is allowed only where $2 is set.
is_url() {
  case $1 in *[!A-Za-z0-9:/._%~?=\&\[\]-]*) return 1 ;; https://?* | http://?*) ;; *) return 1 ;; esac
  case $2${1#*://} in */*) return 1 ;; esac
}

while [ $# -gt 0 ]; do
  case $1 in
    --self-test) self_test=1 ;;
    --fail-closed) fail_closed=1 ;;
    --cacert | --cert | --key | --witness)
      if [ $# -lt 2 ]; then wrong="$1 needs a value"; break; fi
      case $1 in
        --cacert) cacert=$2 ;;
        --cert) cert=$2 ;;
        --key) key=$2 ;;
        --witness) case $2 in https://?* | http://?*) witnesses="$witnesses $2" ;; *) wrong="--witness '$2' is no URL" ;; esac ;;
      esac
      shift
      ;;
    -*) wrong="there is no option $1" ;;
    *) if is_url "${1%/}" ''; then peers="$peers ${1%/}"; else wrong="'$1' is no URL of a Patroni, such as https://b1:8008"; fi ;;
  esac
  shift
done
[ -n "$peers" ] || wrong="${wrong:-no Patroni of the other site is named}"
for file in "$cacert" "$cert" "$key"; do
  if [ -n "$file" ] && [ ! -r "$file" ]; then wrong="$file cannot be read"; fi
done
if [ -n "$cert" ] && [ -z "$key" ]; then wrong='--cert needs a --key'; fi
if [ -n "$fail_closed" ] && [ -z "$witnesses" ]; then wrong='--fail-closed needs a --witness in a third place'; fi

# What an answer means, as the exit status of the one who asked.
PRIMARY=1 NOT_PRIMARY=2 REFUSED=3 SILENT=4 NO_NAME=5 UNTRUSTED=6 NO_TLS=7 UNAUTHORIZED=8 NOT_PATRONI=9 CURL_FAILED=10

# asked URL [ARGUMENT OF CURL…]: asks, and returns one of these. A proxy or a personal .curlrc has no business here.
asked() {
  url=$1
  shift
  # shellcheck disable=SC2086 # several arguments in one variable
  said=$(curl -q -s -o /dev/null -w '%{http_code}' -m 1 --noproxy '*' ${cacert:+--cacert "$cacert"} ${cert:+--cert "$cert"} ${key:+--key "$key"} ${GUARD_CURL-} "$@" "$url" 2>/dev/null)
  case $? in
    0) case $said in 200) return $PRIMARY ;; 503) return $NOT_PRIMARY ;; 401 | 403) return $UNAUTHORIZED ;; *) return $NOT_PATRONI ;; esac ;;
    6) return $NO_NAME ;;
    7) return $REFUSED ;;
    28) return $SILENT ;;
    1 | 35 | 52 | 56) return $NO_TLS ;;
    51 | 60 | 77 | 83) return $UNTRUSTED ;;
    *) return $CURL_FAILED ;;
  esac
}

word() {
  case $1 in
    "$PRIMARY") echo 'says that it is primary' ;;
    "$NOT_PRIMARY") echo 'says that it is not primary' ;;
    "$REFUSED") echo 'refuses connections' ;;
    "$SILENT") echo 'does not answer within a second' ;;
    "$NO_NAME") echo 'has a name that does not resolve' ;;
    "$UNTRUSTED") echo 'has a certificate that is not trusted (--cacert?)' ;;
    "$NO_TLS") echo 'cannot agree with us: http:// where it speaks https://, or the other way round; or its certificate is not trusted (--cacert?), or it wants one of ours (--cert, --key)' ;;
    "$UNAUTHORIZED") echo 'wants a password for this question (401 or 403), and must not' ;;
    "$NOT_PATRONI") echo 'answers something that Patroni does not say' ;;
    *) echo 'could not be asked: curl failed' ;;
  esac
}

# ---- Self-test

failed=0
line() { printf '%-5s %s\n' "$1" "$2"; [ "$1" = FAIL ] && failed=1; return 0; }

# details URL: who answers, in Patroni's own words; nothing when it is none.
details() {
  # shellcheck disable=SC2086 # several arguments in one variable
  curl -q -s -m 1 --noproxy '*' ${cacert:+--cacert "$cacert"} ${cert:+--cert "$cert"} ${key:+--key "$key"} ${GUARD_CURL-} "$1/patroni" 2>/dev/null |
    sed -n 's/.*"patroni": *{[^}]*"version": *"\([^"]*\)", *"scope": *"\([^"]*\)".*/Patroni \1 of \2/p'
}

test_peer() {
  asked "$1/primary"
  answer=$?
  case $answer in
    "$PRIMARY" | "$NOT_PRIMARY")
      who=$(details "$1")
      if [ -z "$who" ]; then line FAIL "$1 answers, but is no Patroni"; return; fi
      if [ $answer = $PRIMARY ]; then line ok "$1 is $who and primary: a promotion here would be refused now"; else line ok "$1 is $who and not primary"; fi
      ;;
    "$NO_TLS")
      case $1 in
        https://*) other=http; asked "http://${1#https://}/primary" ;;
        *) other=https; asked "https://${1#http://}/primary" -k ;;
      esac
      case $? in
        "$PRIMARY" | "$NOT_PRIMARY" | "$UNAUTHORIZED") line FAIL "$1 speaks $other://: write that" ;;
        *) line FAIL "$1 $(word $answer)" ;;
      esac
      ;;
    *) line FAIL "$1 $(word $answer)" ;;
  esac
}

if [ -n "$self_test" ]; then
  if version=$(curl -q --version 2>/dev/null); then line ok "curl is there: $(echo "$version" | sed -n '1s/ (.*//p')"; else line FAIL 'curl is not there: install it, or nothing can be asked'; fi
  if command -v logger >/dev/null 2>&1; then line ok 'logger is there: reasons are in syslog, as switchback-guard'; else line warn 'logger is not there: reasons are in the log of Patroni only'; fi
  if [ -n "$wrong" ]; then line FAIL "arguments: $wrong"; else line ok "arguments:$peers${witnesses:+, witness$witnesses}"; fi
  if [ -n "$cacert" ] && [ -r "$cacert" ]; then
    if grep -q 'BEGIN CERTIFICATE' "$cacert"; then line ok "$cacert has a certificate"; else line FAIL "$cacert has no PEM certificate in it"; fi
  fi
  case $peers in *http://*) line warn 'http:// takes whoever answers for the other site; use https:// and --cacert where that is possible' ;; esac
  if [ "$failed" = 0 ]; then
    for peer in $peers; do test_peer "$peer"; done
    for witness in $witnesses; do
      asked "$witness"
      answer=$?
      case $answer in
        "$PRIMARY") line ok "the witness $witness sees a primary in the other site" ;;
        "$NOT_PRIMARY") line ok "the witness $witness sees no primary in the other site" ;;
        *) line FAIL "the witness $witness $(word $answer)" ;;
      esac
    done
  fi
  if [ -n "$fail_closed" ]; then line ok 'when it is not known: REFUSED (--fail-closed)'; else line ok 'when it is not known: ALLOWED, and said in syslog'; fi
  exit "$failed"
fi

# ---- The question itself

# not_known WHY: nobody says that the other site has a primary, and nobody says that it has none.
not_known() {
  if [ -n "$fail_closed" ]; then
    note err "REFUSED although it is not known whether the other site has a primary (--fail-closed): $1"
    exit 1
  fi
  note err "ALLOWED WITHOUT KNOWING whether the other site has a primary: $1. Run this with --self-test"
  exit 0
}

[ -z "$peers" ] && not_known "$wrong"
command -v curl >/dev/null 2>&1 || not_known 'curl is not there'

asking=''
for peer in $peers; do
  (asked "$peer/primary") &
  asking="$asking $!=$peer"
done
for witness in $witnesses; do
  (asked "$witness") &
  asking="$asking $!=witness:$witness"
done

primary='' unknown='' unheard='' witness_says_no=''
for one in $asking; do
  wait "${one%%=*}"
  answer=$?
  name=${one#*=}
  case $answer in
    "$PRIMARY") primary="$primary ${name#witness:}" ;;
    "$NOT_PRIMARY") case $name in witness:*) witness_says_no=1 ;; esac ;;
    *)
      case $name in
        witness:*) unheard="${unheard:+$unheard; }the witness ${name#witness:} $(word $answer)" ;;
        *) unknown="${unknown:+$unknown; }$name $(word $answer)" ;;
      esac
      ;;
  esac
done

if [ -n "$primary" ]; then
  note notice "REFUSED: the other site has a primary, by the word of$primary"
  exit 1
fi
# What is wrong with the arguments may have hidden somebody who would have said so.
[ -n "$wrong" ] && not_known "$wrong"
if [ -n "$unknown" ] && [ -z "$witness_says_no" ]; then not_known "$unknown${unheard:+; $unheard}"; fi
note info "allowed: the other site has no primary${unknown:+, says the witness ($unknown)}${unheard:+ ($unheard)}"
exit 0
