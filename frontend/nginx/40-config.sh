#!/bin/sh
# What the page learns of its deployment, from the environment, whenever the image starts.
set -eu

quoted() {
  printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g' | tr -d '\n\r')"
}

cat >"${1:-/tmp/config.js}" <<END
window.KRAI = {"apiUrl": $(quoted "$KRAI_API_URL"), "customer": $(quoted "$CUSTOMER_NAME"), "signIn": $KRAI_SIGN_IN}
END
