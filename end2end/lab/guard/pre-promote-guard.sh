#!/bin/sh
# Patroni's postgresql.pre_promote: do not become a primary while the other site has one.
#
#   pre_promote: /path/pre-promote-guard.sh http://b1:8008 http://b2:8008
#
# Asks every node of the other site at once, for at most one second. An answer of 200 from /primary refuses: Patroni then gives
# the leader key back and tries again later. Silence allows: otherwise a cut link between the sites would end high availability
# inside a site. This is a standing guard against a returning site that believes itself to be active, and needs no console.
#
# GUARD_CURL: further arguments for curl, for example "--cacert /etc/switchback/ca.crt".

asking=
for peer in "$@"; do
  # shellcheck disable=SC2086 # several arguments in one variable
  (code=$(curl -s -o /dev/null -m 1 -w '%{http_code}' ${GUARD_CURL-} "$peer/primary"); [ "$code" != 200 ]) &
  asking="$asking $!"
done

refused=0
for one in $asking; do
  wait "$one" || refused=1
done

if [ "$refused" = 1 ]; then
  echo "pre-promote guard: the other site has a primary, so that this node must not become one" >&2
  exit 1
fi
exit 0
