#!/usr/bin/env bash
# Who may sign in: scripts/manage-users.sh add EMAIL [--role admin] [--group NAME], remove EMAIL, list.
# With GCP_PROJECT the allowlist in Firestore, by the account of gcloud or on the emulator of FIRESTORE_EMULATOR_HOST; without it
# the one of the data folder, KRAI_DATA_DIR.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
"$here/scripts/setup" runtime
exec env PYTHONPATH="$here" "$here/.venv/bin/python" -m scripts.manage_users "$@"
