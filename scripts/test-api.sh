#!/usr/bin/env bash
# Drives a running krai with curl alone: health, export of `users`, download, import from `salesforce`, result.
# usage: scripts/test-api.sh [base-url] [api-key]
set -u

base=${1:-http://localhost:8080}
base=${base%/}
key=${2:-demo-key-change-me}
wait_s=120

folder=$(mktemp -d "${TMPDIR:-/tmp}/krai-test-api.XXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT
body=$folder/body

begin() { printf '%-46s ' "$1"; }
ok() { echo "ok${1:+   $1}"; }
failed() {
  echo "FAILED"
  echo "  $1"
  if [ -s "$body" ]; then
    echo "  The answer was: $(head -c 1000 "$body")"
  fi
  exit 1
}

# request METHOD PATH EXPECTED-STATUS [JSON]: the answer is then in $body.
request() {
  local method=$1 path=$2 expected=$3 status
  : >"$body"
  if [ $# -gt 3 ]; then
    set -- -H 'Content-Type: application/json' --data "$4"
  else
    set --
  fi
  status=$(curl -sS --max-time 60 -X "$method" -H "x-api-key: $key" -H 'Prefer: wait=5' ${1+"$@"} \
    -o "$body" -w '%{http_code}' "$base$path" 2>"$folder/curl") || failed "$(cat "$folder/curl")"
  [ "$status" = "$expected" ] || failed "$method $path answered $status instead of $expected."
}

# The first value of a name in the answer, as text or as a number.
text() { grep -o "\"$1\" *: *\"[^\"]*\"" "$body" | sed -n '1s/^[^:]*: *"\(.*\)"$/\1/p'; }
number() { grep -o "\"$1\" *: *[0-9][0-9]*" "$body" | sed -n '1s/^[^:]*: *//p'; }

# create NOUN JSON: the new job's id is then in $job.
create() {
  request POST "/api/v1/$1" 202 "$2"
  job=$(text job_id)
  [ -n "$job" ] || failed "The answer has no job_id."
}

finish() {
  local status deadline=$((SECONDS + wait_s))
  while [ "$SECONDS" -lt "$deadline" ]; do
    request GET "/api/v1/jobs/$job" 200
    status=$(text status)
    case $status in
      COMPLETED) return ;;
      PENDING | PROCESSING) sleep 0.2 ;;
      *) failed "The job ended $status." ;;
    esac
  done
  failed "The job is still $status after $wait_s seconds."
}

echo "krai at $base"

begin "GET  /healthz"
request GET /healthz 200
[ "$(text status)" = ok ] || failed "The status is not ok."
ok

begin "POST /api/v1/exports           users as CSV"
create exports '{"dataset":"users","format":"csv"}'
ok "job $job"

begin "GET  /api/v1/jobs/…            until it is done"
finish
ok

begin "GET  /api/v1/jobs/…/result"
request GET "/api/v1/jobs/$job/result" 200
url=$(text download_url)
[ -n "$url" ] || failed "The result has no download_url."
[ "$(number records)" = 10000 ] || failed "The result does not say 10000 records."
ok

begin "GET  the download link         without a key"
case $url in /*) url=$base$url ;; esac
curl -sS --fail --max-time 60 -o "$folder/users.csv" "$url" 2>"$folder/curl" || failed "$(cat "$folder/curl")"
lines=$(wc -l <"$folder/users.csv" | tr -d ' ')
[ "$lines" = 10001 ] || failed "The file has $lines lines instead of 10001."
ok "$lines lines"

begin "POST /api/v1/imports           from salesforce"
create imports '{"source":"salesforce"}'
ok "job $job"

begin "GET  /api/v1/jobs/…            until it is done"
finish
ok

begin "GET  /api/v1/jobs/…/result"
request GET "/api/v1/jobs/$job/result" 200
rows=$(number records_inserted)
[ "${rows:-0}" -gt 0 ] || failed "The result does not say that rows were inserted."
[ "$(number records_rejected)" = 0 ] || failed "Rows were rejected."
ok "$rows rows into $(text dataset)"

echo "All is well."
