#!/bin/sh
# Custom plugin of node-problem-detector: memcg-trace.sh CONDITION [SECONDS], where CONDITION is one
# of --fail-on (deadlock, zombies=N). Prints one line; exits 0 without the problem, 1 with it, and 2
# where it is not known.
#
# It waits for a file, not for the tool. Should the tool ever sleep where no signal reaches it, this
# script ends in time all the same, leaves it no pipe, and does not start a second one.
condition=${1:-deadlock} seconds=${2:-10}
folder=${MEMCG_TRACE_NPD:-/run/memcg-trace-npd}
case $condition in
deadlock) verb=locks none="no deadlock" some="tasks wait for each other for ever: memcg-trace locks" ;;
zombies=*) verb=zombies none="fewer" some="as many dead memory cgroups: memcg-trace zombies --by origin" ;;
*) echo "memcg-trace: no such condition: $condition" && exit 2 ;;
esac
mkdir -p "$folder" && true >"$folder/$verb.new" || { echo "memcg-trace: cannot write to $folder" && exit 2; }
read -r name </proc/$$/comm
if read -r last <"$folder/$verb.pid" && read -r its_name <"/proc/$last/comm" && [ "$its_name" = "$name" ]; then
    echo "memcg-trace: $condition: the last question is not answered yet" && exit 2
fi 2>/dev/null
rm -f "$folder/$verb.code"
(
    timeout "$seconds" memcg-trace "$verb" --config /dev/null --fail-on "$condition" --quiet
    echo $? >"$folder/$verb.new" && mv "$folder/$verb.new" "$folder/$verb.code"
) >"$folder/$verb.answer" 2>&1 </dev/null &
echo $! >"$folder/$verb.pid"
# By the clock: on a host that is ill, a tenth of a second of sleep can take seconds.
now() { read -r up _ </proc/uptime && up=${up%.*}; }
now && end=$((up + seconds))
until [ -e "$folder/$verb.code" ] || [ "$up" -gt "$end" ]; do
    sleep 0.1 && now
done
code=$(cat "$folder/$verb.code" 2>/dev/null)
case $code in
0) echo "memcg-trace: $condition: $none" && exit 0 ;;
4) echo "memcg-trace: $condition: $some" && exit 1 ;;
*) echo "memcg-trace: $condition: not known (exit code ${code:-none in time})" && exit 2 ;;
esac
