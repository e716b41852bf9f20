#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs in a machine that booted the root in which the packages were installed: with systemd, udevd, and the kernel for which
# DKMS built the module. The GPIO controller is the tests' own chip, whose outputs are wired to its inputs. Prints TAP.

set -euo pipefail
cd "$(dirname "$0")"
. ./tap.sh

bell=/dev/button/bell
topic=button/$(uname -n)/bell

chip()
{
	gpiodetect | awk '/button-irq-test/ { print $1; exit }'
}

# press N: presses the bell N times, for 40 ms each with 40 ms in between
press()
{
	local periods=40ms i

	for ((i = 1; i < $1; i++)); do
		periods+=,40ms,40ms
	done
	gpioset -c "$(chip)" -t "$periods,0" 0=0
	sleep 0.1
}

test_load()
{
	# The MQTT service would keep the buttons open, and the module could not be unloaded.
	systemctl stop button-irq-mqtt.service
	insmod ./button_irq_test_chip.ko nested=0
	gpioset -c "$(chip)" -t 0 0=1 1=1
	# Configure the buttons as a user without a device tree does.
	cp /usr/share/doc/button-irq/examples/modprobe.d/button-irq.conf /etc/modprobe.d/
	sed -i 's/gpio=17,27/line=button-irq-test:4,button-irq-test:5/' /etc/modprobe.d/button-irq.conf
	cp /usr/share/doc/button-irq/examples/modules-load.d/button-irq.conf /etc/modules-load.d/
	systemctl restart systemd-modules-load.service
	[ "$(cat /sys/class/button_irq/button_irq/line)" = button-irq-test:4 ] || fail "no button on the line"
	[[ $(modinfo -F filename button_irq) == */updates/dkms/button_irq.ko* ]] || fail "not the module that DKMS built"
}

# Installs the packages for the first time on a running machine that has buttons but no group gpio. The installation alone has
# to create the group and to give it the nodes.
test_install_running()
{
	mkdir -p /boot/firmware/overlays
	modprobe -r button_irq
	dpkg --purge button-irq-calibrate button-irq-mqtt button-irq
	groupdel gpio
	udevadm control --reload
	modprobe button_irq
	udevadm settle
	[ "$(stat -c %G /dev/button_irq)" = root ] || fail "before the install the node's group is $(stat -c %G /dev/button_irq), not root"
	dpkg -i now/button-irq{,-mqtt}_*.deb
	systemctl is-active --quiet button-irq-mqtt.service || fail "the MQTT service does not run"
	# The tests below count open files of the button.
	systemctl stop button-irq-mqtt.service
	udevadm settle
	[ "$(stat -c '%G %a' /dev/button_irq)" = 'gpio 440' ] || fail "the node is $(stat -c '%G %a' /dev/button_irq)"
	[ -s /boot/firmware/overlays/button-irq.dtbo ] || fail "no overlay where the firmware looks"
}

test_udev()
{
	udevadm settle
	[ "$(readlink -f "$bell")" = /dev/button_irq ] || fail "$bell is $(readlink -f "$bell")"
	[ "$(readlink -f /dev/button/door)" = /dev/button_irq1 ] || fail "/dev/button/door is $(readlink -f /dev/button/door)"
	[ "$(stat -c '%G %a' /dev/button_irq)" = 'gpio 440' ] || fail "$(stat -c '%G %a' /dev/button_irq)"
	udevadm info --query=property "$bell" > properties
	grep -q '^TAGS=.*:uaccess:' properties || fail "not tagged for uaccess: $(cat properties)"
	systemctl is-active --quiet dev-button-bell.device || fail "systemd has no dev-button-bell.device"
}

# as GROUPS COMMAND...: runs COMMAND as the user nobody, in these groups
as()
{
	local groups=$1

	shift
	setpriv --reuid=nobody --regid=nogroup --groups="$groups" "$@"
}

test_group()
{
	! as nogroup cat "$bell" || fail "a user outside the group gpio can read $bell"
	as gpio head -n 2 "$bell" > events &
	wait_for 20 opened 1
	press 1
	wait
	[ "$(awk '{ print $3 }' events | paste -sd' ')" = 'press release' ] || fail "read: $(cat events)"
}

# opened N: whether N files are open. Each holds two references to the module: the character device's, and the file's own.
opened()
{
	[ "$(cat /sys/module/button_irq/refcnt)" -ge $(($1 * 2)) ]
}

unit_says()
{
	journalctl -b --no-pager -u button-irq.service | grep "$1" > /dev/null
}

test_run_unit()
{
	systemctl is-enabled --quiet button-irq.service || fail "button-irq.service is not enabled"
	! systemctl is-active --quiet button-irq.service || fail "button-irq.service runs without a config file"
	# shellcheck disable=SC2016 # the command's own
	printf '[bell]\nclick = echo "$BUTTON_IRQ_NAME" >> /run/clicks\n' > /etc/button-irq.conf
	systemctl start button-irq.service
	wait_for 20 opened 1
	press 1
	wait_for 20 grep -sqx bell /run/clicks
	printf '[bell]\nclick = echo reloaded >> /run/clicks\n' > /etc/button-irq.conf
	systemctl reload button-irq.service
	wait_for 20 unit_says 'reloaded'
	press 1
	wait_for 20 grep -qx reloaded /run/clicks
	systemctl stop button-irq.service
}

wrong_config_is_not_retried()
{
	systemctl stop button-irq.service
	echo nonsense > /etc/button-irq.conf
	systemctl start button-irq.service || true
	wait_for 20 systemctl is-failed --quiet button-irq.service
	[ "$(systemctl show -P NRestarts button-irq.service)" = 0 ] || fail "restarted, though the config file is wrong"
}

# Prints number and name of each event that arrived, without duplicates
received()
{
	python3 -c '
import json, sys
for line in sys.stdin:
    event = json.loads(line)
    print(event["seq"], event["event"])' < mqtt | sort -nu
}

received_until()
{
	[ "$(received | tail -n 1 | cut -d' ' -f1)" = "$1" ]
}

last_seq()
{
	echo $(($(cat /sys/class/button_irq/button_irq/presses) + $(cat /sys/class/button_irq/button_irq/releases)))
}

broker_answers()
{
	mosquitto_pub -u pi -P geheim -t alive -m yes 2> /dev/null
}

mqtt_says()
{
	[ "$(mosquitto_sub -u pi -P geheim -C 1 -W 5 -t "$1" 2> /dev/null)" = "$2" ]
}

# The service as installed: a user of its own, the password as a credential, and a broker that keeps messages until their
# receivers have them. Broker and service are stopped and killed while the button is pressed.
test_mqtt()
{
	mosquitto_passwd -c -b /etc/mosquitto/passwords pi geheim
	chown mosquitto /etc/mosquitto/passwords
	printf 'listener 1883 localhost\nallow_anonymous false\npassword_file /etc/mosquitto/passwords\n' > /etc/mosquitto/conf.d/local.conf
	grep -q '^persistence true' /etc/mosquitto/mosquitto.conf || fail "the broker's Debian configuration changed"
	systemctl restart mosquitto.service
	wait_for 60 broker_answers
	: > mqtt
	while sleep 0.5; do
		mosquitto_sub -u pi -P geheim -i receiver -c -q 1 -t "$topic/event" || true
	done > mqtt 2> mqtt.err &
	trap 'kill $(jobs -p) 2> /dev/null || true' EXIT
	systemctl is-enabled --quiet button-irq-mqtt.service || fail "button-irq-mqtt.service is not enabled"
	install -d -m 700 /etc/credstore
	(umask 077; echo geheim > /etc/credstore/button-irq-mqtt.password)
	printf 'user = pi\ndiscovery = homeassistant\n' >> /etc/button-irq-mqtt.conf.new
	cat /etc/button-irq-mqtt.conf >> /etc/button-irq-mqtt.conf.new
	mv /etc/button-irq-mqtt.conf.new /etc/button-irq-mqtt.conf
	rm -rf /var/lib/private/button-irq-mqtt/*
	systemctl restart button-irq-mqtt.service
	wait_for 60 mqtt_says "$topic/availability" online
	press 10
	wait_for 60 received_until "$(last_seq)"

	echo "the broker restarts, twice, while the button is pressed"
	press 40 &
	presses=$!
	systemctl restart mosquitto.service
	systemctl restart mosquitto.service
	wait "$presses"
	wait_for 60 received_until "$(last_seq)"

	echo "the service is killed while the broker is away: what it had not sent is in the driver"
	systemctl stop mosquitto.service
	press 20
	systemctl kill --signal=KILL --kill-who=main button-irq-mqtt.service
	press 10
	systemctl start mosquitto.service
	wait_for 60 received_until "$(last_seq)"
	wait_for 60 mqtt_says "$topic/state" released

	# Leave out "lost", which concerns events from before the service started.
	received | grep -v ' lost$' > all
	seq "$(head -n 1 all | cut -d' ' -f1)" "$(last_seq)" | awk '{ print $1, $1 % 2 ? "press" : "release" }' > wanted
	cmp wanted all || fail "not every event: $(diff wanted all | head -n 20)"
	[ "$(wc -l < all)" = 160 ] || fail "$(wc -l < all) events of 80 presses"
	echo "$(wc -l < mqtt) messages, $(wc -l < all) events" > mqtt.said
	systemd-analyze security --no-pager --threshold=20 button-irq-mqtt.service > exposure 2>&1 ||
		fail "$(tail -n 1 exposure)"
	! grep -qz geheim "/proc/$(main_pid)/cmdline" "/proc/$(main_pid)/environ" || fail "the password is in /proc"
	systemctl stop button-irq-mqtt.service
}

# Only root can read the password's file, the service does not run as root, and it announces when it goes offline.
test_mqtt_confined()
{
	local pid

	systemctl start button-irq-mqtt.service
	wait_for 60 mqtt_says "${topic%/bell}/availability" online
	pid=$(main_pid)
	[ "$(stat -c %U "/proc/$pid")" != root ] || fail "it runs as root"
	[ "$(stat -c '%U %a' /etc/credstore/button-irq-mqtt.password)" = 'root 600' ] || fail "the password's rights"
	! as nogroup cat /etc/credstore/button-irq-mqtt.password 2> /dev/null || fail "the user nobody can read the password"
	systemctl stop button-irq-mqtt.service
	wait_for 20 mqtt_says "${topic%/bell}/availability" offline
	systemctl start button-irq-mqtt.service
}

main_pid()
{
	systemctl show -P MainPID button-irq-mqtt.service
}

test_mqtt_upgrade()
{
	local before

	wait_for 60 systemctl is-active --quiet button-irq-mqtt.service
	before=$(main_pid)
	dpkg -i next/button-irq{,-mqtt}_*.deb
	systemctl is-active --quiet button-irq-mqtt.service || fail "not active after the upgrade"
	[ "$(main_pid)" != "$before" ] || fail "the old process still runs"
	grep -q '^user = pi' /etc/button-irq-mqtt.conf || fail "the config file was replaced"
}

instances()
{
	find / -xdev \( -path /proc -o -path /sys -o -path /opt -o -path /var/lib/dpkg -o -path /var/log \) -prune \
		-o -name '*button-irq-mqtt@*' -print
}

# Older packages had an instance of the service for each button.
test_old_instances()
{
	local wants=/etc/systemd/system/multi-user.target.wants

	printf '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' \
		> /lib/systemd/system/button-irq-mqtt@.service
	systemctl daemon-reload
	systemctl enable --now button-irq-mqtt@bell.service button-irq-mqtt@door.service
	systemctl is-active --quiet button-irq-mqtt@bell.service || fail "no instance to begin with"
	mkdir -p /etc/systemd/system/button-irq-mqtt@bell.service.d
	echo 'MQTT_OPTIONS=--host localhost -P geheim' > /etc/default/button-irq-mqtt
	# On an upgrade dpkg removes the template, which the new package does not have.
	rm /lib/systemd/system/button-irq-mqtt@.service
	dpkg -i next/button-irq_*.deb
	! systemctl is-active --quiet button-irq-mqtt@bell.service || fail "an instance still runs"
	[ ! -e "$wants/button-irq-mqtt@bell.service" ] || fail "an instance is still enabled"
	[ -z "$(instances)" ] || fail "files of instances are left: $(instances)"
	[ "$(stat -c %a /etc/default/button-irq-mqtt.dpkg-old)" = 600 ] || fail "everybody can read the old options"
	systemctl is-active --quiet button-irq-mqtt.service || fail "the new service does not run any more"
}

test_mqtt_remove()
{
	dpkg --remove button-irq-mqtt button-irq
	! systemctl is-active --quiet button-irq-mqtt.service || fail "still active"
	[ ! -e /boot/firmware/overlays/button-irq.dtbo ] || fail "the overlay is still there"
	dpkg --purge button-irq-calibrate button-irq-mqtt button-irq
	[ -z "$(find /etc /var/lib -path /var/lib/dpkg -prune -o -iname '*button?irq*' ! -path '/etc/mod*' ! -path '*/dkms/*' \
		! -path '*/python3/*' -print)" ] ||
		fail "$(find /etc /var/lib -path /var/lib/dpkg -prune -o -iname '*button?irq*' ! -path '/etc/mod*' -print)"
}

test_unload()
{
	modprobe -r button_irq
	udevadm settle
	[ ! -e "$bell" ] || fail "$bell is still there"
}

test_load_again()
{
	modprobe button_irq
	[ -e /dev/button_irq ]
}

logind_says()
{
	journalctl -b --no-pager -u systemd-logind.service | grep "$1" > /dev/null
}

# systemd-logind handles the key like one of gpio-keys; the module parameter is enough.
test_power_key()
{
	mkdir -p /etc/systemd/logind.conf.d
	printf '[Login]\nHandlePowerKey=ignore\n' > /etc/systemd/logind.conf.d/power-key.conf
	systemctl restart systemd-logind.service
	modprobe -r button_irq
	modprobe button_irq keycode=116,0
	wait_for 60 logind_says 'Watching system buttons on .*bell'
	! logind_says 'Watching system buttons on .*door' || fail "the button without a code is a key, too"
	! logind_says 'Power key pressed' || fail "pressed before the button was"
	press 1
	wait_for 60 logind_says 'Power key pressed'
	modprobe -r button_irq
	modprobe button_irq
}

echo "1..14"
tap "module loads by modprobe.d and modules-load.d" test_load
tap "installed while buttons are there: group first, then the nodes; overlay" test_install_running
tap "udev: names by label, group gpio, uaccess, systemd device" test_udev
tap "group gpio may read, others may not" test_group
tap "button-irq.service runs commands" test_run_unit
tap "button-irq.service does not retry a wrong config file" wrong_config_is_not_retried
tap "MQTT: broker and service restart, no event lost" test_mqtt
[ ! -e mqtt.said ] || echo "# $(cat mqtt.said)"
tap "systemd-logind takes KEY_POWER from a button with keycode=116" test_power_key
tap "module unloads, names go" test_unload
tap "module loads again" test_load_again
tap "MQTT: a user of its own, offline when it stops" test_mqtt_confined
tap "MQTT: an upgrade restarts the service and keeps its config file" test_mqtt_upgrade
tap "MQTT: the instances of older packages are removed" test_old_instances
tap "MQTT: remove stops the service, purge leaves nothing of it" test_mqtt_remove
