"""The guards of krai that `make guards` takes away one by one: a line of code each, and the tests that must see it gone."""

from dataclasses import dataclass

HOSTILE = "tests/hostile"
CREDENTIALS, OTHERS = f"{HOSTILE}/test_rows_01_10_credentials.py", f"{HOSTILE}/test_rows_11_13_others.py"
BODIES, WIRE = f"{HOSTILE}/test_rows_14_19_bodies.py", f"{HOSTILE}/test_rows_20_24_wire.py"
COUNTS, DOORS = f"{HOSTILE}/test_rows_25_28_counts.py", f"{HOSTILE}/test_rows_29_31_doors.py"
FIELDS, URLS = f"{HOSTILE}/test_rows_32_34_fields.py", f"{HOSTILE}/test_rows_35_38_urls.py"
SOURCES, BUCKETS = f"{HOSTILE}/test_rows_39_43_sources.py", f"{HOSTILE}/test_rows_44_buckets.py"
UPLOADS, LINKS = f"{HOSTILE}/test_rows_45_uploads.py", f"{HOSTILE}/test_rows_45_links.py"
DOCUMENTS = "tests/unit/transfer/test_imports.py"
JSON_ARRAYS, XLSX = (f"tests/unit/formats/test_{name}.py" for name in ("json", "xlsx"))
DESCRIBED, SOCKET = f"{HOSTILE}/test_schemathesis.py", f"{HOSTILE}/test_rows_31_websocket.py"
TEXT, ZSTD, ENCODINGS = f"{HOSTILE}/test_rows_47_58_text.py", "tests/unit/formats/test_zstd.py", "tests/unit/formats/test_encodings.py"
DIALECTS, COLUMNS, REJECTS = (f"tests/unit/transfer/test_{name}.py" for name in ("dialects", "columns", "too_many_rejects"))
MODES = "tests/unit/api/test_modes.py"
SESSIONS, SIGN_IN = "tests/unit/api/test_session.py", "tests/unit/api/test_sign_in.py"
NO_SIGN_IN = "tests/unit/api/test_sign_in_refused.py"
EVENTS, CALLBACKS, WEBHOOKS = (f"tests/unit/api/test_{name}.py" for name in ("events", "callbacks", "webhooks"))
FILTERS, SORTING = "tests/unit/predicate/test_parse.py", "tests/unit/transfer/test_sorting.py"


@dataclass(frozen=True, slots=True)
class Guard:
    """In `file`, `text` stands exactly once; with `without` in its place the guard is gone.

    `tests` are what pytest is given, `chosen` is its `-k`: what does not take Google's emulators, where that is enough.
    """

    name: str
    file: str
    text: str
    without: str
    tests: str
    chosen: str = "not gcp"


GUARDS = (
    # -- who asks ---------------------------------------------------------------------------------------------------------
    Guard("one credential a request", "krai/api/auth.py", "if len(sent) + len(tokens) + len(sessions) > 1:", "if False:", CREDENTIALS),
    Guard(
        "no key in an address", "krai/api/auth.py", 'if IN_THE_ADDRESS.search(connection.scope["query_string"]):', "if False:", CREDENTIALS
    ),
    Guard("a key's checksum", "krai/keys.py", " or _crc(shape.group(1)).encode() != shape.group(3)", "", "tests/unit/test_keys.py"),
    Guard("a key's end", "krai/keys.py", "(key.expires_at is not None and key.expires_at <= now) or ", "", CREDENTIALS),
    Guard(
        "a key's revocation",
        "krai/keys.py",
        'await directory.change(COLLECTION, key_id, step)\n    observe.log().info("key revoked"',
        'observe.log().info("key revoked"',
        CREDENTIALS,
    ),
    Guard(
        "a token's algorithm", "krai/identity/compact.py", "if alg not in ALGORITHMS:", "if False:", "tests/unit/identity/test_tokens.py"
    ),
    Guard("a token's crit", "krai/identity/compact.py", 'if "crit" in header:', "if False:", CREDENTIALS),
    Guard(
        "a token's audience",
        "krai/identity/tokens.py",
        "        if meant is None:",
        "        meant = known[0]\n        if False:",
        CREDENTIALS,
    ),
    Guard("a token's issuer", "krai/identity/tokens.py", "if isinstance(iss, str) and means(iss, issuer)]", "]", CREDENTIALS),
    Guard(
        "a token's signature", "krai/identity/tokens.py", "if not any(_has_signed(key, said) for key in keys):", "if False:", CREDENTIALS
    ),
    Guard(
        "a token's end",
        "krai/identity/claims.py",
        'if _moment(claims, "exp") + SKEW_S <= now_at:',
        'if _moment(claims, "exp") < 0:',
        CREDENTIALS,
    ),
    Guard("a token's beginning", "krai/identity/claims.py", 'if "nbf" in claims and ', "if False and ", CREDENTIALS),
    Guard("a verified address", "krai/identity/claims.py", 'if claims.get("email_verified") is not True:', "if False:", CREDENTIALS),
    Guard(
        "a pause between looks for unknown keys",
        "krai/identity/provider.py",
        "self._next_look_s = self._monotonic() + UNKNOWN_PAUSE_S",
        "self._next_look_s = self._monotonic()",
        CREDENTIALS,
    ),
    Guard(
        "an address is whose it was first",
        "krai/users.py",
        "if user is None or user.identity != identity:",
        "if user is None:",
        CREDENTIALS,
    ),
    # -- whose it is ------------------------------------------------------------------------------------------------------
    Guard(
        "a job is its caller's",
        "krai/steer.py",
        "if job is None or (owner is not None and job.created_by != owner):",
        "if job is None:",
        OTHERS,
    ),
    Guard("a list is its caller's", "krai/api/jobs.py", "created_by=caller.owner,", "created_by=None,", OTHERS),
    Guard("a page token is its caller's", "krai/backends/page_token.py", "return [query.created_by, ", "return [", OTHERS),
    Guard("admins alone", "krai/api/deps.py", "    caller.demand(Scope.ADMIN)\n", "", OTHERS),
    Guard("a key makes no keys", "krai/api/keys.py", "if taken.caller.id.startswith(keys.PRINCIPAL):", "if False:", OTHERS),
    Guard(
        "a key is its maker's", "krai/keys.py", "return caller.admin or caller.id in {key.owner, key.principal.id}", "return True", OTHERS
    ),
    Guard(
        "a dataset is read by whom it was granted",
        "krai/grants.py",
        "if not caller.admin and any(not _may_read(",
        "if False and any(not _may_read(",
        OTHERS,
    ),
    Guard("an undo needs the dataset", "krai/grants.py", "elif job.type in WRITERS:", "elif job.type is Kind.IMPORT:", MODES),
    Guard("an upload is its caller's", "krai/submit.py", 'doc["owner"] != owner or ', "", UPLOADS),
    Guard(
        "a bucket is opened by a grant",
        "krai/grants.py",
        "if not any(caller.admin or not caller.names",
        "if False and not any(caller.admin or not caller.names",
        BUCKETS,
        chosen="gcp",
    ),
    Guard(
        "a link is signed",
        "krai/backends/local/links.py",
        "if not hmac.compare_digest(expected.encode(),",
        "if False and (expected.encode(),",
        LINKS,
    ),
    Guard(
        "a credential on every route",
        "krai/api/settings.py",
        "async def list_settings(_: Caller, api: ApiOf)",
        "async def list_settings(api: ApiOf)",
        DESCRIBED,
    ),
    # -- what is sent -----------------------------------------------------------------------------------------------------
    Guard("no unknown field", "krai/api/fields.py", 'extra="forbid", frozen', 'extra="ignore", frozen', BODIES),
    Guard("no value turned into another type", "krai/api/fields.py", "ConfigDict(strict=True,", "ConfigDict(strict=False,", BODIES),
    Guard("no name twice in an object", "krai/strict_json.py", "if len(found) != len(pairs):", "if False:", BODIES),
    Guard("32 levels", "krai/strict_json.py", "    _check_depth(value)\n", "", BODIES),
    Guard("no half pairs", "krai/strict_json.py", "if SURROGATE.search(text):", "if False:", BODIES),
    Guard("no control characters", "krai/api/fields.py", "if UNPRINTABLE.search(text):", "if False:", BODIES),
    Guard("JSON by its media type", "krai/api/intake.py", "    _check_media_type(request)\n", "", BODIES),
    Guard("names of datasets", "krai/api/fields.py", "if not DATASET.fullmatch(text):", "if False:", FIELDS),
    Guard("names of files", "krai/api/fields.py", "set(text) & set(IN_NO_FILENAME) or ", "", FIELDS),
    Guard("a filter's length", "krai/predicate/words.py", "if len(text) > LONGEST_CHARACTERS:", "if False:", FILTERS),
    Guard("a filter's terms", "krai/predicate/words.py", "for token in tokens) > MOST_TERMS:", "for token in tokens) < 0:", FILTERS),
    Guard("a filter's depth", "krai/predicate/words.py", "if opened + signs > DEEPEST:", "if False:", FILTERS),
    Guard("no comments in a filter", "krai/predicate/words.py", "if token.comments:", "if False:", FILTERS),
    Guard("a filter is of values its columns can have", "krai/predicate/literals.py", "if value is not None:", "if True:", FILTERS),
    Guard("what sorts reaches for nothing", "krai/warehouse/spilling.py", "    connection.execute(_LOCK)\n", "", SORTING),
    Guard("a body's length as it is told", "krai/api/intake.py", "or int(promised[:20]) > cap_bytes:", "or False:", WIRE),
    Guard(
        "a body's length as it comes", "krai/api/intake.py", "                if len(body) > cap_bytes:", "                if False:", WIRE
    ),
    Guard("a body's time", "krai/api/app.py", "PATIENCE_S = 20.0", "PATIENCE_S = 200.0", WIRE),
    Guard("a head's time", "krai/wiring/protocol.py", "HEAD_WITHIN_S = 8.0", "HEAD_WITHIN_S = 80.0", WIRE),
    Guard(
        "a head's size before its end",
        "krai/wiring/protocol.py",
        "LARGEST_HEAD_BYTES = 64 * 1024",
        "LARGEST_HEAD_BYTES = 64 << 20",
        "tests/unit/api/test_server.py",
    ),
    Guard("100 headers", "krai/api/edge.py", "return len(headers) > MOST_HEADERS or sum(", "return sum(", WIRE),
    Guard("32 KiB of headers", "krai/api/edge.py", "> LARGEST_HEADERS_BYTES", "> 1 << 30", WIRE),
    Guard("one Host", "krai/wiring/protocol.py", "if hosts != 1 and self", "if False and self", WIRE),
    Guard(
        "a request begins where the one before ends",
        "krai/wiring/protocol.py",
        'data if self._between else b""',
        "data",
        "tests/unit/api/test_server.py",
        "whatever_follows",
    ),
    Guard("nosniff", "krai/api/shields.py", '    (b"x-content-type-options", b"nosniff"),\n', "", BODIES),
    Guard(
        "pages that were named",
        "krai/api/cors.py",
        "known = len(origins) == 1 and origins[0] in self._origins",
        "known = bool(origins)",
        DOORS,
    ),
    # -- how often --------------------------------------------------------------------------------------------------------
    Guard("a limit", "krai/api/limits.py", "if not allowance.allowed:\n            detail", "if False:\n            detail", COUNTS),
    Guard("an Idempotency-Key is for one body", "krai/api/intake.py", "if earlier.fingerprint != seal.fingerprint:", "if False:", COUNTS),
    Guard(
        "an Idempotency-Key is its caller's",
        "krai/api/intake.py",
        "json.dumps([caller.id, request.method,",
        'json.dumps(["", request.method,',
        COUNTS,
    ),
    Guard("an Idempotency-Key has a length", "krai/api/intake.py", "not 0 < len(key) <= LONGEST_KEY or ", "", COUNTS),
    # -- where to ---------------------------------------------------------------------------------------------------------
    Guard("https alone", "krai/outbound/urls.py", 'if parts.scheme != "https" or ', "if ", URLS),
    Guard("no address for a host", "krai/outbound/urls.py", 'if _NUMBER.fullmatch(read.rpartition(".")[2]):', "if False:", URLS),
    Guard("no name of one's own network", "krai/outbound/urls.py", 'if "." not in read or any(', 'if "." not in read and any(', URLS),
    Guard(
        "every address of a name",
        "krai/outbound/pinned.py",
        "if not all(map(self._allows, addresses)):",
        "if not any(map(self._allows, addresses)):",
        SOURCES,
    ),
    Guard("no link-local address", "krai/outbound/addresses.py", '"169.254.0.0/16"', '"169.254.0.0/32"', SOURCES),
    Guard(
        "no IPv4 behind 6to4",
        "krai/outbound/addresses.py",
        '    (IPv6Network("2002::/16"), 80),  # 6to4, RFC 3056\n',
        "",
        SOURCES,
    ),
    Guard(
        "the address that was checked",
        "krai/outbound/pinned.py",
        "self._tcp.connect_tcp(address, port, share_s",
        "self._tcp.connect_tcp(self._resolve(host, share_s)[0], port, share_s",
        SOURCES,
    ),
    Guard("no redirect", "krai/outbound/connect.py", "follow_redirects=False", "follow_redirects=True", SOURCES),
    Guard(
        "a redirect is named",
        "krai/transfer/download.py",
        "if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:",
        "if False:",
        SOURCES,
    ),
    Guard(
        "no Content-Encoding",
        "krai/transfer/download.py",
        'if answer.headers.get("content-encoding", "identity").lower() != "identity":',
        "if False:",
        SOURCES,
    ),
    Guard("a length, and no chunks", "krai/transfer/download.py", "if not length.isdecimal() or ", "if False and ", SOURCES),
    Guard("a source's size", "krai/transfer/download.py", "if int(length) > limit_bytes:", "if False:", SOURCES),
    Guard("the file that was meant", "krai/transfer/fetch.py", "if digest.hexdigest() != sha256:", "if False:", UPLOADS),
    Guard(
        "the file that was sent",
        "krai/backends/local/uploads.py",
        "if digests and not has(descriptor, digests):",
        "if False:",
        LINKS,
    ),
    # -- browsers, and who listens ------------------------------------------------------------------------------------------
    Guard(
        "a cookie is for pages of krai",
        "krai/api/auth.py",
        "        same_origin.insist(connection, here)\n",
        "",
        SESSIONS,
        "only_pages_of_krai",
    ),
    Guard(
        "a page of others has no business",
        "krai/api/same_origin.py",
        "if any(sent != origin(base_url) for sent in origins):",
        "if False:",
        SESSIONS,
    ),
    Guard("cookies are not for scripts", "krai/api/cookies.py", "httponly=True", "httponly=False", SIGN_IN),
    Guard("cookies stay on their site", "krai/api/cookies.py", ', samesite="lax"', ', samesite="none"', SIGN_IN),
    Guard(
        "an answer is to this browser's sign-in",
        "krai/api/session.py",
        'if not hmac.compare_digest(state.encode("utf-8", "surrogatepass"), begun.handshake.state.encode()):',
        "if False:",
        NO_SIGN_IN,
    ),
    Guard(
        "a token is the answer to this sign-in",
        "krai/identity/tokens.py",
        'if not isinstance(claimed, str) or not hmac.compare_digest(claimed.encode("utf-8", "surrogatepass"), nonce.encode()):',
        "if False:",
        NO_SIGN_IN,
    ),
    Guard(
        "a code is for who has asked for it",
        "krai/identity/sign_in.py",
        '            "code_challenge": _challenge(handshake.verifier),\n            "code_challenge_method": "S256",\n',
        "",
        SIGN_IN,
    ),
    Guard("a sign-in leads to krai alone", "krai/api/session.py", "if not LOCAL_PATH.fullmatch(wanted):", "if False:", SIGN_IN),
    Guard("a session ends", "krai/sessions.py", " and session.expires_at > now else None", " else None", SESSIONS),
    Guard("who listens may read", "krai/api/socket.py", "        caller.demand(Scope.READ)\n", "", SOCKET),
    Guard(
        "who listens is asked for again",
        "krai/api/lasting.py",
        "        return now is not None and now.id == self._caller.id and now.scopes >= self._caller.scopes\n",
        "        return True\n",
        EVENTS,
    ),
    # -- callbacks --------------------------------------------------------------------------------------------------------
    Guard(
        "a receiver is on the public internet",
        "krai/submit.py",
        "    try:\n        urls.check(url)\n",
        "    try:\n        pass\n",
        CALLBACKS,
    ),
    Guard(
        "a webhook is its owner's",
        "krai/webhooks/registered.py",
        " if webhook.owner == owner]",
        "]",
        WEBHOOKS,
    ),
    Guard(
        "a webhook is on the public internet",
        "krai/api/webhooks.py",
        "    submit.check_callback(body.url, ",
        '    submit.check_callback("https://example.org/", ',
        WEBHOOKS,
    ),
    Guard(
        "an owner may still hear",
        "krai/webhooks/owners.py",
        "principal.admin or webhook.scope is Reach.OWN",
        "True",
        "tests/unit/webhooks/test_registered.py",
    ),
    # -- what is in a file ------------------------------------------------------------------------------------------------
    Guard("a packed file's end", "krai/formats/unpacked.py", "if not self._whole:", "if False:", ZSTD),
    Guard("a packed file's size", "krai/formats/unpacked.py", "if self._left < 0:", "if False:", ZSTD),
    Guard("a zstd file's window", "krai/formats/zstd.py", "window_log_max: _WINDOW_LOG}", "window_log_max: 31}", ZSTD),
    Guard("a text file's encoding is one of text", "krai/text_encodings.py", "if canonical in _REFUSED or ", "if ", ENCODINGS),
    Guard("a text file's row keeps its bytes", "krai/formats/encodings.py", "encoding, _MARKING)", 'encoding, "replace")', ENCODINGS),
    Guard("a text file's quotes", "krai/formats/quotes.py", "if wrong.any():", "if False:", "tests/unit/formats/test_csv_rules.py"),
    Guard(
        "a mended file's header",
        "krai/formats/unnamed.py",
        "if head.startswith((OWN_COLUMNS[0] + dialect.delimiter).encode(), start):",
        "if False:",
        DIALECTS,
    ),
    Guard(
        "a file's columns are apart",
        "krai/formats/renamed.py",
        "self._sources.setdefault(name, source) != source",
        "False",
        COLUMNS,
    ),
    Guard(
        "a file's columns are in it",
        "krai/formats/renamed.py",
        "if source not in self._seen:",
        "if False:",
        COLUMNS,
    ),
    Guard("a file's rejects are not too many", "krai/transfer/load.py", "rejects.count > most_rejected(self.job)", "False", REJECTS),
    Guard("a failed file's rejects stay", "krai/execute.py", "replace(lease.job, result=error.result)", "lease.job", TEXT),
    Guard("a JSON array's end", "krai/formats/json_file.py", "while not rest.strip(_BLANKS):", "while False:", JSON_ARRAYS),
    Guard("a JSON row's depth", "krai/formats/json_lines.py", "    if level:", "    if False:", "tests/unit/formats/test_ndjson.py"),
    Guard("no document type in XML", "krai/formats/xlsx_xml.py", 'raise Terminal("forbidden_xml")', "return", XLSX),
    Guard("no part that leads out of its archive", "krai/formats/xlsx_package.py", 'or ".." in name', 'or "..." in name', XLSX),
    Guard("a part's size", "krai/formats/xlsx_package.py", "if self.left_bytes < 0:", "if False:", XLSX),
    Guard("a part's ratio", "krai/formats/xlsx_package.py", "if member.file_size > max(", "if -1 > max(", XLSX),
    Guard("a cell's place", "krai/formats/xlsx_sheet.py", "if column >= self._limits.columns:", "if False:", XLSX),
    Guard(
        "a Parquet dictionary's size",
        "krai/formats/parquet.py",
        "sizes += pc.fill_null(lengths, 0).to_numpy(zero_copy_only=False)",
        "pass",
        DOCUMENTS,
    ),
)
