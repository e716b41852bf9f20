# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Helpers for tests that are shell functions, to be sourced. tap() runs each in a subshell under "set -e" and prints one TAP
# line. A test that cannot run prints the reason and returns 4: it is skipped.

tap_number=0
tap_failed=0

fail()
{
	echo "FAILED: $*"
	exit 1
}

# wait_for SECONDS COMMAND...: waits until COMMAND succeeds; after SECONDS the test fails
wait_for()
{
	local deadline=$((SECONDS + $1))

	shift
	until "$@"; do
		[ "$SECONDS" -lt "$deadline" ] || fail "still not: $*"
		sleep 0.2
	done
}

# tap NAME FUNCTION [ARGUMENT...]: runs a test, and prints its result
tap()
{
	local name=$1 output status

	shift
	tap_number=$((tap_number + 1))
	# Not in a condition: there, "set -e" would have no effect within the test.
	set +e
	output=$(set -e; "$@" 2>&1 < /dev/null)
	status=$?
	set -e
	case $status in
	0) echo "ok $tap_number $name" ;;
	4) echo "ok $tap_number $name # SKIP ${output##*$'\n'}" ;;
	*)
		tap_failed=$((tap_failed + 1))
		echo "# ${output//$'\n'/$'\n'# }"
		echo "not ok $tap_number $name"
		;;
	esac
}
