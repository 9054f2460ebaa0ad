const SECRET_PARAMETERS = new Set([
  "token",
  "access_token",
  "refresh_token",
  "password",
  "sig",
  "signature",
  "x-amz-signature",
  "x-amz-credential",
  "x-amz-security-token",
  "x-goog-signature",
  "x-goog-credential",
  "client_secret",
  "id_token",
  "policy",
  "key",
]);

/** A URL without user, password and secret query values, safe for messages and logs. Not a URL: returned unchanged. */
export function redactUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null) return text;
  if (url.username !== "" || url.password !== "") {
    url.username = "";
    url.password = "";
  }
  for (const name of Array.from(url.searchParams.keys())) {
    if (SECRET_PARAMETERS.has(name.toLowerCase())) url.searchParams.set(name, "REDACTED");
  }
  return url.toString();
}
