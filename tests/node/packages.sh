# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# To be sourced after scripts/lib.sh: provides this project's npm packages and Node-RED to the levels that use them.

# shellcheck disable=SC2034 # used by those who source this
node_red=$CACHE/node-red

# Fetches Node-RED into $node_red/node_modules. Node-RED 4 is the newest version that works with Debian's Node.
fetch_node_red()
{
	local packages=(node-red@4 node-red-node-test-helper@0.3 typescript@5 @types/node@18)
	local recipe="${packages[*]}"

	mkdir -p "$node_red"
	exec 8> "$node_red/lock"
	flock 8
	stamp_ok "$node_red/stamp" "$recipe" && return
	say "fetching Node-RED (about 1 min)"
	rm -rf "$node_red"/{node_modules,package.json}
	echo '{ "private": true }' > "$node_red/package.json"
	(cd "$node_red" && npm install --no-audit --no-fund --no-package-lock --ignore-scripts "${packages[@]}") \
		> "$node_red/log" 2>&1 || { tail -n 20 "$node_red/log" >&2; die "cannot fetch Node-RED"; }
	printf '%s\n' "$recipe" > "$node_red/stamp"
}

# install_packages DIRECTORY: packs this project's packages into DIRECTORY/pack and installs them from there into
# DIRECTORY/user, as a user installs them from a registry
install_packages()
{
	rm -rf "$1/pack" "$1/user"
	mkdir -p "$1/pack" "$1/user"
	(cd "$1/pack" && npm pack --silent "$TOP/userspace/node" "$TOP/userspace/node-red") > /dev/null
	echo '{ "private": true }' > "$1/user/package.json"
	# --offline works because the packages depend on no other package.
	(cd "$1/user" && npm install --silent --offline --no-audit --no-fund --no-package-lock "$1"/pack/*.tgz)
}
