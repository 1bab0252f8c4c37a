#!/bin/sh
# Standing guard for Patroni: this node does not become a primary while the other site has one.
#
# It needs no console, and works when nobody is looking: a site that was lost comes back believing itself to be active, and
# without a guard it would accept writes within three seconds.
#
# Installation, on every database node of both sites:
#   1. Copy this file to the node, for example to /etc/switchback/pre-promote-guard.sh; owned by root, mode 755. It needs a POSIX
#      shell and curl, and nothing else.
#   2. Name it in the cluster's dynamic configuration (not in each node's own file: only there can a console see that it is
#      there), with the Patroni addresses of all nodes of the OTHER site:
#        patronictl edit-config --force -s 'postgresql.pre_promote=/etc/switchback/pre-promote-guard.sh http://b1:8008 http://b2:8008'
#   3. Patroni takes it up by itself within `loop_wait`. To see it work, run it by hand on a standby site's node: it must exit with 1 while
#      the other site has its primary.
#   With certificates, set GUARD_CURL in the environment of Patroni's service, for example:
#        Environment="GUARD_CURL=--cacert /etc/switchback/patroni-ca.pem"
#   Put haproxy-write-guard.cfg, which is beside this file, into HAProxy as well: each covers what the other cannot.
#
# What it does: asks every node of the other site at once (GET /primary), for at most one second altogether. One answer of 200
# refuses: Patroni then gives the leader key back and tries again later. Anything else, silence too, allows: otherwise a cut link
# between the sites would end high availability inside a site. It is asked before local failovers and planned promotions too; there
# it costs some milliseconds, and one second while a node of the other site is silent.

asking=
for peer in "$@"; do
  # The shell becomes curl, so that there is one process for each node. -f makes an answer of 4xx or 5xx a failure; a redirection, which
  # Patroni never sends, would count as a primary. A proxy or a personal .curlrc has no business here.
  # shellcheck disable=SC2086 # several arguments in one variable
  (exec curl -q -sf -o /dev/null -m 1 --noproxy '*' ${GUARD_CURL-} "$peer/primary") &
  asking="$asking $!"
done

primaries=0
for one in $asking; do
  wait "$one" && primaries=1
done

if [ "$primaries" = 1 ]; then
  echo "pre-promote guard: the other site has a primary, so that this node must not become one" >&2
  exit 1
fi
exit 0
