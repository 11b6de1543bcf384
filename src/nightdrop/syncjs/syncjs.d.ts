// Generated from src/nightdrop/syncjs/table.py by python -m nightdrop.syncjs.generate

/**
 * Returns the value of a secret of this site.
 *
 * The name is case-sensitive.
 *
 * Returns `fallback`, `""` unless given, when the secret is not there, has expired or cannot be read.
 *
 * It never throws; the reason is a line in the run's log.
 *
 * `fallback` is an addition of nightdrop.
 *
 * From then on the value, and its usual encodings, appear as `***` in the log of the run.
 */
declare function GetSecret(name: string, fallback?: string): string;

/**
 * Tells whether this site has a secret of that name, without reading it.
 *
 * Also true for one that has expired, or that this script may not read.
 */
declare function HasSecret(name: string): boolean;

/**
 * Returns the value of a secret, or throws an `Error` that names the secret.
 */
declare function RequireSecret(name: string): string;

/**
 * Writes a line to the run's log.
 *
 * Several values are joined with a space. Objects are written as JSON.
 *
 * A text with line breaks becomes several lines; control characters are written as escapes.
 */
declare function Log(...values: unknown[]): void;

/**
 * Writes a warning to the run's log.
 */
declare function LogWarn(...values: unknown[]): void;

/**
 * Writes an error to the run's log; the run goes on.
 */
declare function LogError(...values: unknown[]): void;

/**
 * Ends the script at once; the run has succeeded.
 *
 * Nothing runs after it, not even a `finally` block. To end a run as failed, throw an error.
 */
declare function Exit(): never;

/**
 * Waits for a number of milliseconds.
 *
 * The time counts towards the run's time limit.
 */
declare function Sleep(ms: number): void;

/**
 * Waits until the run is to end; meanwhile the functions of its watchers are called.
 *
 * That is when somebody cancels the run, its time limit is reached or the server stops.
 *
 * The script then has ten seconds to end. A run that has never asked for the signal ends at once.
 *
 * With `ms`, an addition of nightdrop, it waits no longer than that. True when the signal has come.
 */
declare function WaitForHaltSignal(ms?: number): boolean;

/**
 * Sends a mail by the mail server of the site; true when the server has accepted it for every recipient.
 *
 * Several recipients, and several attachments, have commas between them.
 *
 * `from` may be `""`: then the setting `smtp_from` of the site is the sender.
 *
 * An attachment is a file in the site's directories, or a mask such as `reports/*.csv`.
 *
 * A recipient that the server refuses makes it false; the others get the mail.
 *
 * It never throws; the reason of a failure is a line in the run's log.
 */
declare function SendMail(from: string, to: string | string[], subject: string, body: string, attachments?: string | string[]): boolean;

/**
 * Answers the request of a webhook that waits for it; true when the answer was taken.
 *
 * A text is sent as plain text, anything else as JSON; at most 128 KiB. The script goes on.
 *
 * The first answer counts. Where nobody waits it is false, with a line in the log.
 *
 * Values of secrets become `***` in it, as in the log.
 */
declare function Respond(status: number, body?: unknown): boolean;

/**
 * Returns the path of the file for which a watched folder started this run.
 *
 * It is the path that file functions take, the same as `Params.File.Path`; `""` in other runs.
 */
declare function CtxRelPath(): string;

/**
 * Returns a deep copy, as in browsers.
 *
 * Maps, sets, dates, byte arrays and cycles are copied; a function cannot be.
 */
declare function structuredClone<T>(value: T): T;

/**
 * Returns the text of a UTF-8 file, `""` when it cannot be read.
 *
 * A byte order mark at its start is left out. What is not UTF-8 becomes `\ufffd`, with a warning in the log.
 */
declare function ReadTextFile(path: string): string;

/**
 * Returns bytes of a file, `null` when it cannot be read.
 *
 * `offset` counts from the start; without `length` it reads to the end. At the end there may be fewer bytes.
 */
declare function ReadBinaryFile(path: string, offset?: number, length?: number): Uint8Array | null;

/**
 * Writes a text to a file as UTF-8, whole or not at all.
 */
declare function WriteTextFile(path: string, text: string): boolean;

/**
 * Writes bytes to a file, whole or not at all.
 */
declare function WriteBinaryFile(path: string, bytes: Uint8Array): boolean;

/**
 * Writes a text at the end of a file, which is made if need be.
 */
declare function AppendTextFile(path: string, text: string): boolean;

/**
 * Writes bytes at the end of a file, which is made if need be.
 */
declare function AppendBinaryFile(path: string, bytes: Uint8Array): boolean;

/**
 * Deletes a file; there must be one.
 */
declare function DelFile(path: string): boolean;

/**
 * Copies a file; a file at the target is replaced.
 */
declare function CopyFile(source: string, target: string): boolean;

/**
 * Moves or renames a file; a file at the target is replaced.
 */
declare function MoveFile(source: string, target: string): boolean;

/**
 * Tells whether there is a file.
 */
declare function FileExists(path: string): boolean;

/**
 * Tells whether there is a directory.
 */
declare function DirExists(path: string): boolean;

/**
 * Returns the size of a file in bytes, -1 when there is none.
 */
declare function FileSize(path: string): number;

/**
 * Makes a directory and those above it; one that is there is fine.
 */
declare function MakeDir(dir: string): boolean;

/**
 * Deletes an empty directory.
 */
declare function DelDir(dir: string): boolean;

/**
 * Deletes a directory with everything in it.
 *
 * Symbolic links in it are deleted; what they lead to stays.
 */
declare function DelTree(dir: string): boolean;

/**
 * Returns what is in a directory, by name; `null` when it cannot be listed.
 *
 * `types` is `LIST_ALL` (the default), `LIST_FILES` or `LIST_DIRS`.
 *
 * `null`, not an empty list: a directory that cannot be read must not pass for an empty one.
 *
 * Links, pipes and devices are left out. A directory may have 100,000 entries.
 */
declare function ListDir(dir: string, types?: number): DirListItem[] | null;

/**
 * Writes the files that fit the masks into a new ZIP archive, whole or not at all.
 *
 * The last part of a mask may have `*`, `?` and `[...]`; `**` as it, or before it, means any depth.
 *
 * Names in the archive begin after the part without them: `out/a/b.csv` becomes `a/b.csv`.
 *
 * Each mask must fit a file. An archive may have 50,000.
 */
declare function ZipFiles(masks: string | string[], zipFile: string): boolean;

/**
 * Unpacks a ZIP archive into a directory, which is made if need be; files that are there are replaced.
 *
 * All of it is unpacked before the first file is put in its place; a bad archive changes nothing.
 *
 * Refused: entries that lead out, links, encrypted entries, two of one name, more than 50,000 entries, more than 16 GiB unpacked, and more than 200 times the archive's size once that is above 100 MiB.
 */
declare function UnzipFiles(zipFile: string, dir: string): boolean;

/**
 * Returns the digest of a file, `""` when it cannot be read.
 *
 * `algorithm` is `md5`, `sha1`, `sha256` (the default) or `sha512`.
 */
declare function HashFile(path: string, algorithm?: string, form?: "hex" | "base64"): string;

/**
 * Returns the digest of a text, taken as UTF-8, or of bytes.
 *
 * See `HashFile` for the algorithms.
 */
declare function Hash(data: string | Uint8Array, algorithm?: string, form?: "hex" | "base64"): string;

/**
 * Returns the keyed digest (HMAC, RFC 2104) of a text, taken as UTF-8, or of bytes.
 *
 * See `HashFile` for the algorithms.
 */
declare function Hmac(key: string | Uint8Array, data: string | Uint8Array, algorithm?: string, form?: "hex" | "base64"): string;

/**
 * Returns a text, taken as UTF-8, or bytes in Base64 (RFC 4648).
 *
 * With `urlSafe` it uses `-` and `_`, without padding.
 */
declare function Base64Encode(data: string | Uint8Array, urlSafe?: boolean): string;

/**
 * Returns the text, UTF-8, that is written in Base64; `""` when it is not Base64.
 *
 * Both alphabets are understood, with padding and without.
 */
declare function Base64Decode(text: string): string;

/**
 * Returns the bytes that are written in Base64; `null` when it is not Base64.
 */
declare function Base64DecodeBytes(text: string): Uint8Array | null;

/**
 * Returns a time as text, the present one without `date`; `""` when `date` is none.
 *
 * Date: `yyyy` `yy` year, `MMMM` `MMM` `MM` `M` month, `dddd` `ddd` `dd` `d` day.
 *
 * Time: `HH` `H` hour, `hh` `h` hour of 12, `tt` AM or PM, `mm` `m` minute, `ss` `s` second.
 *
 * `fff` is the millisecond, `zzz` the offset as `+02:00`.
 *
 * Text between apostrophes stands for itself, as does every other character.
 *
 * The time is that of the server's time zone, or UTC with `utc`.
 */
declare function FormatDateTime(format: string, date?: Date, utc?: boolean): string;

/**
 * Returns a random UUID (RFC 9562, version 4).
 */
declare function UUID(): string;

/**
 * The parameters of this run; the object is frozen.
 *
 * `nightdrop script run NAME --param city=Oslo` makes `Params.city` the text `Oslo`.
 */
declare const Params: Readonly<Record<string, any>>;

/**
 * True once the run is to end: see `WaitForHaltSignal`.
 *
 * For scripts that ask in a loop; between two questions they should `Sleep`.
 */
declare const HaltSignalReceived: boolean;

/**
 * The usual logging methods: `warn` is `LogWarn`, `error` is `LogError`, the others are `Log`.
 */
declare const console: { log(...values: unknown[]): void; info(...values: unknown[]): void; debug(...values: unknown[]): void; warn(...values: unknown[]): void; error(...values: unknown[]): void };

/**
 * Text to UTF-8 bytes.
 */
declare const TextEncoder: { new (): { encode(text?: string): Uint8Array } };

/**
 * UTF-8 bytes to text.
 */
declare const TextDecoder: { new (label?: "utf-8", options?: { fatal?: boolean; ignoreBOM?: boolean }): { decode(bytes?: Uint8Array | ArrayBuffer): string } };

/**
 * An HTTP client.
 *
 * Methods that configure return the same object, so they can be chained.
 *
 * What was set stays for the next request.
 *
 * Nothing throws: after a bad argument, or without an answer, `IsValid()` is false and the log says why.
 *
 * Certificates are verified. Proxies are not taken from the environment.
 *
 * A body may have 64 MiB, unless the site says otherwise.
 */
declare class HttpCli {
  /**
   * Sets the address, `http://` or `https://`.
   */
  Url(url: string): HttpCli;
  /**
   * Sets the time limit of the whole request in seconds.
   *
   * 30 seconds unless set; 0 means the default.
   */
  Timeout(seconds: number): HttpCli;
  /**
   * Sets a request header; setting it again replaces it.
   */
  Header(name: string, value: string): HttpCli;
  /**
   * Sets a request header from secrets, whose values the script never gets.
   *
   * In the template, the name of a secret in braces stands for its value: `Bearer {my-api-key}`.
   *
   * `{{` and `}}` stand for the braces themselves; a secret with braces in its name cannot be used.
   *
   * The values are put in when the request is sent. Without one of them there is no request.
   *
   * White space at both ends of a value is left out.
   *
   * A server that repeats the header in its answer gives the value to the script.
   *
   * The log shows `***` for the value. A redirect to another host does not take the header along.
   */
  HeaderFromSecret(name: string, template: string): HttpCli;
  /**
   * Sets the request body to a text, sent as UTF-8.
   *
   * Sets no content type.
   */
  ReqBody(body: string): HttpCli;
  /**
   * Sets the request body to bytes.
   */
  ReqBodyBytes(bytes: Uint8Array): HttpCli;
  /**
   * Sets the request body to the JSON form of a value.
   *
   * Sets `Content-Type: application/json` unless that header is set already.
   */
  ReqJSON(value: unknown): HttpCli;
  /**
   * Adds a field to a form body; setting it again replaces it, an array gives several.
   *
   * Sent as `application/x-www-form-urlencoded`.
   */
  Form(name: string, value: string | string[]): HttpCli;
  /**
   * Sets the whole form body.
   */
  ReqForm(form: Record<string, string>): HttpCli;
  /**
   * Adds a query parameter; setting it again replaces it, an array gives several.
   */
  Query(name: string, value: string | string[]): HttpCli;
  /**
   * Authenticates with user and password (RFC 7617).
   */
  BasicAuth(user: string, password: string): HttpCli;
  /**
   * Authenticates with a bearer token (RFC 6750).
   */
  BearerToken(token: string): HttpCli;
  /**
   * Whether redirects are followed, at most 10; yes unless set.
   *
   * Credentials are dropped when a redirect leads to another host.
   */
  FollowRedirects(follow: boolean): HttpCli;
  /**
   * Sends the request with GET.
   */
  Get(): HttpRes;
  /**
   * Sends the request with POST.
   */
  Post(): HttpRes;
  /**
   * Sends the request with PUT.
   */
  Put(): HttpRes;
  /**
   * Sends the request with PATCH.
   */
  Patch(): HttpRes;
  /**
   * Sends the request with DELETE.
   */
  Delete(): HttpRes;
  /**
   * Sends the request with HEAD.
   */
  Head(): HttpRes;
  /**
   * Sends the request with another verb.
   */
  Do(customVerb: string): HttpRes;
}

/**
 * The response to an HTTP request.
 */
interface HttpRes {
  /**
   * Whether there was an answer at all, whatever its status.
   */
  IsValid(): boolean;
  /**
   * The status, 0 when there was no answer.
   */
  StatusCode(): number;
  /**
   * The body as text.
   */
  BodyAsString(): string;
  /**
   * The body parsed as JSON; `null` when it is not JSON.
   */
  BodyAsJSON(): any;
  /**
   * The body as bytes.
   */
  BodyAsBytes(): Uint8Array;
  /**
   * Writes the body to a file of the site, whole or not at all; tells whether that worked.
   */
  SaveToFile(path: string): boolean;
  /**
   * One response header, `""` when missing; case does not matter.
   */
  Header(name: string): string;
  /**
   * All response headers, names in lower case.
   */
  Headers(): Record<string, string>;
  /**
   * The address that answered, after redirects.
   */
  Url(): string;
  /**
   * How long it took, in milliseconds.
   */
  Duration(): number;
  /**
   * Why there was no answer, `""` when there was one.
   */
  Error(): string;
}

/**
 * A client for SFTP servers.
 *
 * No call throws: a failure is `false`, `null` or an empty list, and the log says why.
 *
 * Local paths that are relative start in the site's directory.
 *
 * Setting a field or an option that does not exist is ignored, with a warning.
 */
declare class SftpClient {
  /**
   * `host` or `host:port`; the port is 22 unless given.
   *
   * "" unless set.
   */
  Host: string;
  /**
   * The account on the server.
   *
   * "" unless set.
   */
  User: string;
  /**
   * Its password; tried when there is no key, or the key is refused.
   *
   * "" unless set.
   */
  Pass: string;
  /**
   * Name of the secret that `Pass` is taken from.
   *
   * "" unless set.
   */
  PassFromSecret: string;
  /**
   * Path of a private key: OpenSSH, PEM or PuTTY.
   *
   * "" unless set.
   */
  KeyFile: string;
  /**
   * A private key as text.
   *
   * "" unless set.
   */
  KeyText: string;
  /**
   * Name of the secret that `KeyText` is taken from.
   *
   * "" unless set.
   */
  KeyFileSecret: string;
  /**
   * The passphrase of the private key.
   *
   * "" unless set.
   */
  KeyFilePass: string;
  /**
   * Name of the secret that `KeyFilePass` is taken from.
   *
   * "" unless set.
   */
  KeyFilePassFromSecret: string;
  /**
   * A label for the server in log messages.
   *
   * "" unless set.
   */
  HostID: string;
  /**
   * MD5 fingerprint of the server's key, 32 hex digits, colons optional.
   *
   * "" unless set.
   */
  HostKeyMD5: string;
  /**
   * SHA-1 fingerprint of the server's key, `SHA1:` and base64.
   *
   * "" unless set.
   */
  HostKeySHA1: string;
  /**
   * SHA-256 fingerprint, as `ssh-keygen -l` prints it. One of them is needed.
   *
   * "" unless set.
   */
  HostKeySHA256: string;
  /**
   * Name of a secret with a payload as `Configure` takes it, applied at `Connect`.
   *
   * "" unless set.
   */
  PayloadFromSecret: string;
  Options: RemoteOptions;
  /**
   * Sets fields and options from an address and a JSON object; returns the client itself.
   *
   * `sftp://user@host:port?hostKeySHA256=...`; `ftpes://` (explicit TLS), `ftps://` (implicit) and `ftp://`.
   *
   * Fields may stand in the address's query or in the object, options also in `options` there.
   *
   * What the object says wins.
   *
   * An address or object that cannot be used changes nothing, and the log says why.
   */
  Configure(url: string, payloadJson?: string): this;
  /**
   * Connects and signs in; call it first.
   */
  Connect(): boolean;
  /**
   * Closes the connection.
   *
   * A run that ends closes what it left open.
   */
  Close(): boolean;
  /**
   * Lists a directory.
   *
   * `types` is `LIST_ALL` unless given.
   */
  ListDir(dir: string, types?: number): DirListItem[];
  /**
   * Lists a directory and everything below it.
   */
  ListDirR(dir: string, types?: number): DirListItem[];
  /**
   * Lists the files of a directory that match a mask.
   */
  ListFiles(dir: string, mask?: string): DirListItem[];
  /**
   * Lists the matching files of a directory and of everything below it.
   */
  ListFilesR(dir: string, mask?: string): DirListItem[];
  /**
   * Makes a directory, and those above it that are missing.
   */
  MakeDir(dir: string): boolean;
  /**
   * Renames or moves a directory.
   *
   * Object stores cannot: there it is copied and then deleted.
   */
  RenDir(what: string, toWhere: string): boolean;
  /**
   * Deletes an empty directory.
   */
  DelDir(dir: string): boolean;
  /**
   * Deletes a directory with everything in it.
   */
  DelTree(dir: string): boolean;
  /**
   * Renames or moves a file.
   */
  RenFile(what: string, toWhere: string): boolean;
  /**
   * Deletes a file.
   */
  DelFile(path: string): boolean;
  /**
   * Describes a file or directory; `null` when there is none.
   */
  Stat(path: string): DirListItem | null;
  /**
   * Tells whether there is a file or directory.
   */
  Exists(path: string): boolean;
  /**
   * Uploads the local files that match a mask.
   *
   * True when every file is there, or was skipped by `UploadPolicy`.
   */
  Upload(localMask: string, remoteDir: string): boolean;
  /**
   * The same with everything below, in the same directories.
   */
  UploadR(localMask: string, remoteDir: string): boolean;
  /**
   * Uploads one file into the same directories as it lies in.
   *
   * `levels` says how many of them, from the nearest on; all unless given.
   */
  UploadWithPath(localFile: string, remoteDir: string, levels?: number): boolean;
  /**
   * Downloads the remote files that match a mask.
   */
  Download(remoteMask: string, localDir: string): boolean;
  /**
   * The same with everything below, in the same directories.
   */
  DownloadR(remoteMask: string, localDir: string): boolean;
  /**
   * Downloads one file into the same directories as it lies in.
   */
  DownloadWithPath(remoteFile: string, localDir: string, levels?: number): boolean;
}

/**
 * A client for FTP servers, plain or with TLS.
 *
 * No call throws: a failure is `false`, `null` or an empty list, and the log says why.
 *
 * Local paths that are relative start in the site's directory.
 *
 * Setting a field or an option that does not exist is ignored, with a warning.
 */
declare class FtpsClient {
  /**
   * `host` or `host:port`; the port is 21 unless given, 990 with implicit TLS.
   *
   * "" unless set.
   */
  Host: string;
  /**
   * The account on the server.
   *
   * "anonymous" unless set.
   */
  User: string;
  /**
   * Its password.
   *
   * "" unless set.
   */
  Pass: string;
  /**
   * Name of the secret that `Pass` is taken from.
   *
   * "" unless set.
   */
  PassFromSecret: string;
  /**
   * One of the `TLS_MODE_` constants; `TLS_MODE_EXPLICIT` unless set.
   *
   * 1 unless set.
   */
  TLSMode: number;
  /**
   * Accepts any certificate; for self-signed ones only.
   *
   * false unless set.
   */
  TLSInsecure: boolean;
  /**
   * A label for the server in log messages.
   *
   * "" unless set.
   */
  HostID: string;
  /**
   * Name of a secret with a payload as `Configure` takes it, applied at `Connect`.
   *
   * "" unless set.
   */
  PayloadFromSecret: string;
  Options: RemoteOptions;
  /**
   * Sets fields and options from an address and a JSON object; returns the client itself.
   *
   * `sftp://user@host:port?hostKeySHA256=...`; `ftpes://` (explicit TLS), `ftps://` (implicit) and `ftp://`.
   *
   * Fields may stand in the address's query or in the object, options also in `options` there.
   *
   * What the object says wins.
   *
   * An address or object that cannot be used changes nothing, and the log says why.
   */
  Configure(url: string, payloadJson?: string): this;
  /**
   * Connects and signs in; call it first.
   */
  Connect(): boolean;
  /**
   * Closes the connection.
   *
   * A run that ends closes what it left open.
   */
  Close(): boolean;
  /**
   * Lists a directory.
   *
   * `types` is `LIST_ALL` unless given.
   */
  ListDir(dir: string, types?: number): DirListItem[];
  /**
   * Lists a directory and everything below it.
   */
  ListDirR(dir: string, types?: number): DirListItem[];
  /**
   * Lists the files of a directory that match a mask.
   */
  ListFiles(dir: string, mask?: string): DirListItem[];
  /**
   * Lists the matching files of a directory and of everything below it.
   */
  ListFilesR(dir: string, mask?: string): DirListItem[];
  /**
   * Makes a directory, and those above it that are missing.
   */
  MakeDir(dir: string): boolean;
  /**
   * Renames or moves a directory.
   *
   * Object stores cannot: there it is copied and then deleted.
   */
  RenDir(what: string, toWhere: string): boolean;
  /**
   * Deletes an empty directory.
   */
  DelDir(dir: string): boolean;
  /**
   * Deletes a directory with everything in it.
   */
  DelTree(dir: string): boolean;
  /**
   * Renames or moves a file.
   */
  RenFile(what: string, toWhere: string): boolean;
  /**
   * Deletes a file.
   */
  DelFile(path: string): boolean;
  /**
   * Describes a file or directory; `null` when there is none.
   */
  Stat(path: string): DirListItem | null;
  /**
   * Tells whether there is a file or directory.
   */
  Exists(path: string): boolean;
  /**
   * Uploads the local files that match a mask.
   *
   * True when every file is there, or was skipped by `UploadPolicy`.
   */
  Upload(localMask: string, remoteDir: string): boolean;
  /**
   * The same with everything below, in the same directories.
   */
  UploadR(localMask: string, remoteDir: string): boolean;
  /**
   * Uploads one file into the same directories as it lies in.
   *
   * `levels` says how many of them, from the nearest on; all unless given.
   */
  UploadWithPath(localFile: string, remoteDir: string, levels?: number): boolean;
  /**
   * Downloads the remote files that match a mask.
   */
  Download(remoteMask: string, localDir: string): boolean;
  /**
   * The same with everything below, in the same directories.
   */
  DownloadR(remoteMask: string, localDir: string): boolean;
  /**
   * Downloads one file into the same directories as it lies in.
   */
  DownloadWithPath(remoteFile: string, localDir: string, levels?: number): boolean;
}

/**
 * A client for Amazon S3 and compatible object stores.
 *
 * No call throws: a failure is `false`, `null` or an empty list, and the log says why.
 *
 * Local paths that are relative start in the site's directory.
 *
 * Setting a field or an option that does not exist is ignored, with a warning.
 *
 * A slash in a key makes a directory. It vanishes with its last file unless `MakeDir` wrote an object `dir/`.
 *
 * A file is there when all of it has arrived, never before. Its time is kept in the metadata, as `mtime`.
 *
 * Renaming copies inside the store, then deletes.
 */
declare class S3Client {
  /**
   * The region.
   *
   * "us-east-1" unless set.
   */
  Region: string;
  /**
   * The bucket.
   *
   * "" unless set.
   */
  Bucket: string;
  /**
   * The access key's id.
   *
   * "" unless set.
   */
  APIKeyID: string;
  /**
   * The access key's secret.
   *
   * "" unless set.
   */
  APIKeySecret: string;
  /**
   * Name of the secret that `APIKeySecret` is taken from.
   *
   * "" unless set.
   */
  APIKeySecretFromSecret: string;
  /**
   * The token of temporary credentials.
   *
   * "" unless set.
   */
  SessionToken: string;
  /**
   * Name of the secret that `SessionToken` is taken from.
   *
   * "" unless set.
   */
  SessionTokenFromSecret: string;
  /**
   * Address of another server than Amazon's, `https://host:port`.
   *
   * "" unless set.
   */
  Endpoint: string;
  /**
   * Puts the bucket in the path instead of the host name.
   *
   * false unless set.
   */
  PathStyle: boolean;
  /**
   * A label for the server in log messages.
   *
   * "" unless set.
   */
  HostID: string;
  /**
   * Reads real file times when listing an object store, which is slower.
   *
   * false unless set.
   */
  UseMetadataWhenListing: boolean;
  /**
   * Name of a secret with a payload as `Configure` takes it, applied at `Connect`.
   *
   * "" unless set.
   */
  PayloadFromSecret: string;
  Options: RemoteOptions;
  /**
   * Sets fields and options from an address and a JSON object; returns the client itself.
   *
   * `sftp://user@host:port?hostKeySHA256=...`; `ftpes://` (explicit TLS), `ftps://` (implicit) and `ftp://`.
   *
   * Fields may stand in the address's query or in the object, options also in `options` there.
   *
   * What the object says wins.
   *
   * An address or object that cannot be used changes nothing, and the log says why.
   */
  Configure(url: string, payloadJson?: string): this;
  /**
   * Connects and signs in; call it first.
   */
  Connect(): boolean;
  /**
   * Closes the connection.
   *
   * A run that ends closes what it left open.
   */
  Close(): boolean;
  /**
   * Lists a directory.
   *
   * `types` is `LIST_ALL` unless given.
   */
  ListDir(dir: string, types?: number): DirListItem[];
  /**
   * Lists a directory and everything below it.
   */
  ListDirR(dir: string, types?: number): DirListItem[];
  /**
   * Lists the files of a directory that match a mask.
   */
  ListFiles(dir: string, mask?: string): DirListItem[];
  /**
   * Lists the matching files of a directory and of everything below it.
   */
  ListFilesR(dir: string, mask?: string): DirListItem[];
  /**
   * Makes a directory, and those above it that are missing.
   */
  MakeDir(dir: string): boolean;
  /**
   * Renames or moves a directory.
   *
   * Object stores cannot: there it is copied and then deleted.
   */
  RenDir(what: string, toWhere: string): boolean;
  /**
   * Deletes an empty directory.
   */
  DelDir(dir: string): boolean;
  /**
   * Deletes a directory with everything in it.
   */
  DelTree(dir: string): boolean;
  /**
   * Renames or moves a file.
   */
  RenFile(what: string, toWhere: string): boolean;
  /**
   * Deletes a file.
   */
  DelFile(path: string): boolean;
  /**
   * Describes a file or directory; `null` when there is none.
   */
  Stat(path: string): DirListItem | null;
  /**
   * Tells whether there is a file or directory.
   */
  Exists(path: string): boolean;
  /**
   * Uploads the local files that match a mask.
   *
   * True when every file is there, or was skipped by `UploadPolicy`.
   */
  Upload(localMask: string, remoteDir: string): boolean;
  /**
   * The same with everything below, in the same directories.
   */
  UploadR(localMask: string, remoteDir: string): boolean;
  /**
   * Uploads one file into the same directories as it lies in.
   *
   * `levels` says how many of them, from the nearest on; all unless given.
   */
  UploadWithPath(localFile: string, remoteDir: string, levels?: number): boolean;
  /**
   * Downloads the remote files that match a mask.
   */
  Download(remoteMask: string, localDir: string): boolean;
  /**
   * The same with everything below, in the same directories.
   */
  DownloadR(remoteMask: string, localDir: string): boolean;
  /**
   * Downloads one file into the same directories as it lies in.
   */
  DownloadWithPath(remoteFile: string, localDir: string, levels?: number): boolean;
}

/**
 * A client for Azure Blob Storage, and Azurite.
 *
 * No call throws: a failure is `false`, `null` or an empty list, and the log says why.
 *
 * Local paths that are relative start in the site's directory.
 *
 * Setting a field or an option that does not exist is ignored, with a warning.
 *
 * A slash in a key makes a directory. It vanishes with its last file unless `MakeDir` wrote an object `dir/`.
 *
 * A file is there when all of it has arrived, never before. Its time is kept in the metadata, as `mtime`.
 *
 * Renaming copies inside the store, then deletes.
 */
declare class AzureClient {
  /**
   * The container.
   *
   * "" unless set.
   */
  Container: string;
  /**
   * The storage account.
   *
   * "" unless set.
   */
  AccountName: string;
  /**
   * The account's key.
   *
   * "" unless set.
   */
  AccountKey: string;
  /**
   * Name of the secret that `AccountKey` is taken from.
   *
   * "" unless set.
   */
  AccountKeyFromSecret: string;
  /**
   * A shared access signature instead of the key.
   *
   * "" unless set.
   */
  SASToken: string;
  /**
   * Name of the secret that `SASToken` is taken from.
   *
   * "" unless set.
   */
  SASTokenFromSecret: string;
  /**
   * Address of another server than Azure's, for example Azurite.
   *
   * "" unless set.
   */
  Endpoint: string;
  /**
   * A label for the server in log messages.
   *
   * "" unless set.
   */
  HostID: string;
  /**
   * Reads real file times when listing an object store, which is slower.
   *
   * false unless set.
   */
  UseMetadataWhenListing: boolean;
  /**
   * Name of a secret with a payload as `Configure` takes it, applied at `Connect`.
   *
   * "" unless set.
   */
  PayloadFromSecret: string;
  Options: RemoteOptions;
  /**
   * Sets fields and options from an address and a JSON object; returns the client itself.
   *
   * `sftp://user@host:port?hostKeySHA256=...`; `ftpes://` (explicit TLS), `ftps://` (implicit) and `ftp://`.
   *
   * Fields may stand in the address's query or in the object, options also in `options` there.
   *
   * What the object says wins.
   *
   * An address or object that cannot be used changes nothing, and the log says why.
   */
  Configure(url: string, payloadJson?: string): this;
  /**
   * Connects and signs in; call it first.
   */
  Connect(): boolean;
  /**
   * Closes the connection.
   *
   * A run that ends closes what it left open.
   */
  Close(): boolean;
  /**
   * Lists a directory.
   *
   * `types` is `LIST_ALL` unless given.
   */
  ListDir(dir: string, types?: number): DirListItem[];
  /**
   * Lists a directory and everything below it.
   */
  ListDirR(dir: string, types?: number): DirListItem[];
  /**
   * Lists the files of a directory that match a mask.
   */
  ListFiles(dir: string, mask?: string): DirListItem[];
  /**
   * Lists the matching files of a directory and of everything below it.
   */
  ListFilesR(dir: string, mask?: string): DirListItem[];
  /**
   * Makes a directory, and those above it that are missing.
   */
  MakeDir(dir: string): boolean;
  /**
   * Renames or moves a directory.
   *
   * Object stores cannot: there it is copied and then deleted.
   */
  RenDir(what: string, toWhere: string): boolean;
  /**
   * Deletes an empty directory.
   */
  DelDir(dir: string): boolean;
  /**
   * Deletes a directory with everything in it.
   */
  DelTree(dir: string): boolean;
  /**
   * Renames or moves a file.
   */
  RenFile(what: string, toWhere: string): boolean;
  /**
   * Deletes a file.
   */
  DelFile(path: string): boolean;
  /**
   * Describes a file or directory; `null` when there is none.
   */
  Stat(path: string): DirListItem | null;
  /**
   * Tells whether there is a file or directory.
   */
  Exists(path: string): boolean;
  /**
   * Uploads the local files that match a mask.
   *
   * True when every file is there, or was skipped by `UploadPolicy`.
   */
  Upload(localMask: string, remoteDir: string): boolean;
  /**
   * The same with everything below, in the same directories.
   */
  UploadR(localMask: string, remoteDir: string): boolean;
  /**
   * Uploads one file into the same directories as it lies in.
   *
   * `levels` says how many of them, from the nearest on; all unless given.
   */
  UploadWithPath(localFile: string, remoteDir: string, levels?: number): boolean;
  /**
   * Downloads the remote files that match a mask.
   */
  Download(remoteMask: string, localDir: string): boolean;
  /**
   * The same with everything below, in the same directories.
   */
  DownloadR(remoteMask: string, localDir: string): boolean;
  /**
   * Downloads one file into the same directories as it lies in.
   */
  DownloadWithPath(remoteFile: string, localDir: string, levels?: number): boolean;
}

/**
 * A client for Google Cloud Storage.
 *
 * No call throws: a failure is `false`, `null` or an empty list, and the log says why.
 *
 * Local paths that are relative start in the site's directory.
 *
 * Setting a field or an option that does not exist is ignored, with a warning.
 *
 * A slash in a key makes a directory. It vanishes with its last file unless `MakeDir` wrote an object `dir/`.
 *
 * A file is there when all of it has arrived, never before. Its time is kept in the metadata, as `mtime`.
 *
 * Renaming copies inside the store, then deletes.
 */
declare class GCSClient {
  /**
   * The bucket.
   *
   * "" unless set.
   */
  Bucket: string;
  /**
   * Path of a service account's JSON file.
   *
   * "" unless set.
   */
  CredentialsFile: string;
  /**
   * The content of that file.
   *
   * "" unless set.
   */
  Credentials: string;
  /**
   * Name of the secret that `Credentials` is taken from.
   *
   * "" unless set.
   */
  CredentialsFromSecret: string;
  /**
   * Address of another server than Google's; an emulator may do without credentials.
   *
   * "" unless set.
   */
  Endpoint: string;
  /**
   * A label for the server in log messages.
   *
   * "" unless set.
   */
  HostID: string;
  /**
   * Reads real file times when listing an object store, which is slower.
   *
   * false unless set.
   */
  UseMetadataWhenListing: boolean;
  /**
   * Name of a secret with a payload as `Configure` takes it, applied at `Connect`.
   *
   * "" unless set.
   */
  PayloadFromSecret: string;
  Options: RemoteOptions;
  /**
   * Sets fields and options from an address and a JSON object; returns the client itself.
   *
   * `sftp://user@host:port?hostKeySHA256=...`; `ftpes://` (explicit TLS), `ftps://` (implicit) and `ftp://`.
   *
   * Fields may stand in the address's query or in the object, options also in `options` there.
   *
   * What the object says wins.
   *
   * An address or object that cannot be used changes nothing, and the log says why.
   */
  Configure(url: string, payloadJson?: string): this;
  /**
   * Connects and signs in; call it first.
   */
  Connect(): boolean;
  /**
   * Closes the connection.
   *
   * A run that ends closes what it left open.
   */
  Close(): boolean;
  /**
   * Lists a directory.
   *
   * `types` is `LIST_ALL` unless given.
   */
  ListDir(dir: string, types?: number): DirListItem[];
  /**
   * Lists a directory and everything below it.
   */
  ListDirR(dir: string, types?: number): DirListItem[];
  /**
   * Lists the files of a directory that match a mask.
   */
  ListFiles(dir: string, mask?: string): DirListItem[];
  /**
   * Lists the matching files of a directory and of everything below it.
   */
  ListFilesR(dir: string, mask?: string): DirListItem[];
  /**
   * Makes a directory, and those above it that are missing.
   */
  MakeDir(dir: string): boolean;
  /**
   * Renames or moves a directory.
   *
   * Object stores cannot: there it is copied and then deleted.
   */
  RenDir(what: string, toWhere: string): boolean;
  /**
   * Deletes an empty directory.
   */
  DelDir(dir: string): boolean;
  /**
   * Deletes a directory with everything in it.
   */
  DelTree(dir: string): boolean;
  /**
   * Renames or moves a file.
   */
  RenFile(what: string, toWhere: string): boolean;
  /**
   * Deletes a file.
   */
  DelFile(path: string): boolean;
  /**
   * Describes a file or directory; `null` when there is none.
   */
  Stat(path: string): DirListItem | null;
  /**
   * Tells whether there is a file or directory.
   */
  Exists(path: string): boolean;
  /**
   * Uploads the local files that match a mask.
   *
   * True when every file is there, or was skipped by `UploadPolicy`.
   */
  Upload(localMask: string, remoteDir: string): boolean;
  /**
   * The same with everything below, in the same directories.
   */
  UploadR(localMask: string, remoteDir: string): boolean;
  /**
   * Uploads one file into the same directories as it lies in.
   *
   * `levels` says how many of them, from the nearest on; all unless given.
   */
  UploadWithPath(localFile: string, remoteDir: string, levels?: number): boolean;
  /**
   * Downloads the remote files that match a mask.
   */
  Download(remoteMask: string, localDir: string): boolean;
  /**
   * The same with everything below, in the same directories.
   */
  DownloadR(remoteMask: string, localDir: string): boolean;
  /**
   * Downloads one file into the same directories as it lies in.
   */
  DownloadWithPath(remoteFile: string, localDir: string, levels?: number): boolean;
}

/**
 * The options of a remote client, in its field `Options`.
 */
interface RemoteOptions {
  /**
   * Ends a transfer of several files at the first failure.
   *
   * false unless set.
   */
  StopOnTransferError: boolean;
  /**
   * What to do when the local file exists: a transfer policy, `NeverOverwrite` unless set.
   *
   * 0 unless set.
   */
  DownloadPolicy: number;
  /**
   * What to do when the remote file exists: a transfer policy, `NeverOverwrite` unless set.
   *
   * 0 unless set.
   */
  UploadPolicy: number;
  /**
   * Account of this machine that downloads are given to; the worker must run as root.
   *
   * "" unless set.
   */
  OnDownloadGrantTo: string;
  /**
   * Gives the local file the remote file's time.
   *
   * true unless set.
   */
  AdjustTimeOnDownload: boolean;
  /**
   * Gives the remote file the local file's time.
   *
   * true unless set.
   */
  AdjustTimeOnUpload: boolean;
  /**
   * Writes `NAME.tempfile` and renames it when it is complete.
   *
   * false unless set.
   */
  DownloadWithTempName: boolean;
  /**
   * The same on the remote side.
   *
   * false unless set.
   */
  UploadWithTempName: boolean;
  /**
   * Deletes the remote file when the local one is complete.
   *
   * false unless set.
   */
  DeleteSourceAfterDownload: boolean;
  /**
   * Deletes the local file when the remote one is complete.
   *
   * false unless set.
   */
  DeleteSourceAfterUpload: boolean;
  /**
   * Moves a local file to `.ver/` before it is overwritten.
   *
   * false unless set.
   */
  VersionedDownload: boolean;
  /**
   * The same on the remote side.
   *
   * false unless set.
   */
  VersionedUpload: boolean;
  /**
   * How many such copies are kept of each local file.
   *
   * 3 unless set.
   */
  VersionsToKeepLocal: number;
  /**
   * How many such copies are kept of each remote file.
   *
   * 3 unless set.
   */
  VersionsToKeepRemote: number;
  /**
   * Encrypts uploads and decrypts downloads.
   *
   * false unless set.
   */
  OTFE: boolean;
  /**
   * The key for that; an empty one is a failure.
   *
   * "" unless set.
   */
  OTFEKey: string;
  /**
   * Name of the secret that `OTFEKey` is taken from.
   *
   * "" unless set.
   */
  OTFEKeyFromSecret: string;
  /**
   * Added to the names of encrypted files on the remote side.
   *
   * "" unless set.
   */
  OTFESuffix: string;
  /**
   * Seconds for connecting and logging in.
   *
   * 30 unless set.
   */
  ConnectTimeout: number;
  /**
   * Seconds to wait for each answer of the server.
   *
   * 60 unless set.
   */
  Timeout: number;
}

/**
 * A file or directory in a list.
 */
interface DirListItem {
  /**
   * Its name.
   */
  Name: string;
  /**
   * Its path.
   */
  Path: string;
  /**
   * What it is.
   */
  Type: "FILE" | "DIR";
  /**
   * Its size in bytes.
   */
  Size: number;
  /**
   * When it was changed, if that is known.
   */
  TimeStamp: Date | null;
  /**
   * Its permissions, such as `rw-r--r--`; `""` if unknown.
   */
  Permissions: string;
}

/**
 * A mail, for what `SendMail` cannot say.
 *
 * Addresses are written `me@example.com` or `My Name <me@example.com>`; several with commas, or as an array.
 *
 * A mail may have 100 recipients, 100 attachments and 25 MiB of them, 5 MiB of text, 900 characters of subject.
 *
 * No call throws: a failure is `false`, and the log says why.
 */
declare class MailMessage {
  /**
   * The sender; the setting `smtp_from` of the site when it is `""`.
   *
   * "" unless set.
   */
  From: string;
  /**
   * The recipients.
   *
   * "" unless set.
   */
  To: string | string[];
  /**
   * Recipients of a copy.
   *
   * "" unless set.
   */
  Cc: string | string[];
  /**
   * Recipients whom the others do not see.
   *
   * "" unless set.
   */
  Bcc: string | string[];
  /**
   * Who shall get the answers.
   *
   * "" unless set.
   */
  ReplyTo: string | string[];
  /**
   * The subject, one line.
   *
   * "" unless set.
   */
  Subject: string;
  /**
   * The message as plain text.
   *
   * "" unless set.
   */
  Text: string;
  /**
   * The message as HTML; with `Text` as well, readers choose.
   *
   * "" unless set.
   */
  HTML: string;
  /**
   * Adds a file of the site's directories; it is read when the mail is sent.
   */
  AddAttachment(path: string): MailMessage;
  /**
   * Sends it; true when the server has accepted it for every recipient.
   *
   * It can be changed and sent again.
   */
  Send(): boolean;
}

/**
 * Tells what changes in directories of the site while the script runs.
 *
 * A new file that is not empty is created and written.
 *
 * Directories are looked at five times a second at most, also on network shares.
 *
 * Of what happens to a file between two looks only the result is seen.
 *
 * Hidden files, and those that are being transferred, are left out.
 *
 * A script may watch 100 directories; each may hold 100,000 files and directories.
 *
 * A run ends at its time limit. To start a script for each file, give it a watched folder as a trigger.
 */
declare class FsWatcher {
  /**
   * Masks of the names to watch, such as `*.csv`; all without one.
   *
   * "" unless set.
   */
  InclusionFilter: string | string[];
  /**
   * Masks of the names to leave out.
   *
   * "" unless set.
   */
  ExclusionFilter: string | string[];
  /**
   * The events of a file are told once it has had no other for so long, so that half a file is not taken.
   *
   * 0 unless set.
   */
  DelayBySeconds: number;
  /**
   * Adds a directory, with `recursive` those below it too; before `Start`.
   */
  WatchDir(dir: string, recursive?: boolean): FsWatcher;
  /**
   * Begins to watch; what is there already is no event. False when a directory cannot be watched.
   *
   * With `callback`, as in newer scripts, each event is given to it.
   *
   * It is called while the script waits in `WaitForHaltSignal` or `Sleep`, and never while it is at work.
   *
   * Without it, as in older scripts: the events are kept for `Events`.
   *
   * An error that it throws comes out of the call that waits.
   */
  Start(callback?: (event: WatchEvent) => void): boolean;
  /**
   * Returns the events since the last call, for a watcher that was started without a function.
   */
  Events(): WatchEvent[];
  /**
   * Ends watching: its function is not called any more. False when it was not at work.
   */
  Stop(): boolean;
}

/**
 * A change that an `FsWatcher` has seen.
 */
interface WatchEvent {
  /**
   * When it was seen.
   */
  TimeStamp: Date;
  /**
   * `EVT_CREATE`, `EVT_WRITE`, `EVT_REMOVE`, `EVT_RENAME` or `EVT_CHMOD`.
   */
  Event: string;
  /**
   * The path, as file functions take it: of a renamed file the old one; the new one is created.
   */
  Object: string;
}

// Types of virtual file system
declare const VfsTypeDisk: "Disk";
declare const VfsTypeS3: "S3";
declare const VfsTypeAzure: "Azure";
declare const VfsTypeGCS: "GCP";
declare const VfsTypeSFTP: "SFTP";
declare const VfsTypeR2FS: "R2FS";

// Sort fields
declare const SortByName: "name";
declare const SortByNameDirsFirst: "namedf";
declare const SortBySize: "size";
declare const SortByTime: "time";

// Sort directions
declare const SortAsc: "asc";
declare const SortDesc: "desc";

// Seek origins
declare const FromStart: 0;
declare const FromCurrent: 1;
declare const FromEnd: 2;

// Transfer policies
declare const NeverOverwrite: 0;
declare const AlwaysOverwrite: 1;
declare const OverwriteIfDiffSize: 2;
declare const OverwriteIfNewer: 3;

// List filters
declare const LIST_ALL: 0;
declare const LIST_FILES: 1;
declare const LIST_DIRS: 2;

// TLS modes of FTP
declare const TLS_MODE_NONE: 0;
declare const TLS_MODE_EXPLICIT: 1;
declare const TLS_MODE_IMPLICIT: 2;

// Watcher events
declare const EVT_WRITE: "WRITE";
declare const EVT_CREATE: "CREATE";
declare const EVT_REMOVE: "REMOVE";
declare const EVT_RENAME: "RENAME";
declare const EVT_CHMOD: "CHMOD";
