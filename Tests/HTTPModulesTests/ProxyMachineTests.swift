import Testing

@testable import ApusServer

/// When another server may be asked, as ngx_http_upstream_module decides it.
struct RetryPolicyTests {
    private func situation(
        _ method: Method = .get, isSent: Bool = true, isStreamed: Bool = false, tries: Int = 1,
        elapsed: Int = 0
    ) -> RetryPolicy.Situation {
        RetryPolicy.Situation(
            method: method, isSent: isSent, isStreamed: isStreamed, triesLeft: tries,
            elapsed: elapsed)
    }

    private let standard = RetryPolicy(conditions: [.error, .timeout], timeout: 0)

    @Test func onlyNamedFailuresAreRetried() {
        #expect(standard.allowsRetry(after: .error, situation()))
        #expect(standard.allowsRetry(after: .timeout, situation()))
        #expect(!standard.allowsRetry(after: .invalidHeader, situation()))
        #expect(!standard.allowsRetry(after: .noLive, situation()))
    }

    @Test func withoutTriesThereIsNoRetry() {
        #expect(!standard.allowsRetry(after: .error, situation(tries: 0)))
        // An answer is given up only if another try is left beside its own.
        let answers = RetryPolicy(conditions: [.http502], timeout: 0)
        #expect(!answers.allowsRetry(after: .http502, situation(tries: 1), triesNeeded: 2))
        #expect(answers.allowsRetry(after: .http502, situation(tries: 2), triesNeeded: 2))
    }

    @Test func whatIsNotIdempotentIsSentOnce() {
        for method in [Method.post, .lock, .patch] {
            #expect(!standard.allowsRetry(after: .error, situation(method)))
            #expect(standard.allowsRetry(after: .error, situation(method, isSent: false)))
            let brave = RetryPolicy(conditions: [.error, .nonIdempotent], timeout: 0)
            #expect(brave.allowsRetry(after: .error, situation(method)))
        }
        #expect(standard.allowsRetry(after: .error, situation(.put)))
    }

    @Test func aStreamedBodyIsGone() {
        #expect(!standard.allowsRetry(after: .error, situation(isStreamed: true)))
        #expect(standard.allowsRetry(after: .error, situation(isSent: false, isStreamed: true)))
    }

    @Test func timeEndsRetries() {
        let hasty = RetryPolicy(conditions: [.error], timeout: 100)
        #expect(hasty.allowsRetry(after: .error, situation(elapsed: 99)))
        #expect(!hasty.allowsRetry(after: .error, situation(elapsed: 100)))
    }

    @Test func offWinsOverEverything() {
        let off = RetryPolicy(conditions: [.off, .error], timeout: 0)
        #expect(!off.allowsRetry(after: .error, situation()))
    }

    @Test func lastFailuresBecomeStatuses() {
        #expect(RetryConditions.timeout.status == .gatewayTimeout)
        #expect(RetryConditions.error.status == .badGateway)
        #expect(RetryConditions.http429.status == .tooManyRequests)
        #expect(RetryConditions(status: .ok) == nil)
    }
}

/// Where an answer's body ends, however it is torn.
struct BodyFramingTests {
    /// The data of a body given in parts, and whether its end was seen; nil if it is invalid.
    private func read(_ framing: BodyFraming, _ parts: [String]) -> (data: String, ended: Bool)? {
        var framing = framing
        var data = ""
        for part in parts {
            let bytes = ByteString(part)
            var position = 0
            scan: while true {
                switch framing.next(bytes.span, from: position) {
                case .data(let range):
                    data += bytes.slice(range).text
                    position = range.upperBound
                case .needMore: break scan
                case .end: return (data, true)
                case .invalid: return nil
                }
            }
        }
        return (data, framing.isComplete)
    }

    @Test func aLengthEndsIt() {
        #expect(read(.length(5), ["he", "llo!!"])?.data == "hello")
        #expect(read(.length(5), ["he", "llo"])?.ended == true)
        #expect(read(.length(5), ["hell"])?.ended == false)
        #expect(read(.length(0), [])?.ended == true)
    }

    @Test func theConnectionsEndEndsIt() {
        #expect(read(.untilClose, ["a", "b"])?.data == "ab")
        #expect(read(.untilClose, ["a", "b"])?.ended == false)
        #expect(BodyFraming.untilClose.endsAtClose)
    }

    @Test func chunksEndItAtEveryTear() {
        let body = "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n"
        for cut in 0...body.utf8.count {
            let first = String(body.prefix(cut))
            let second = String(body.dropFirst(cut))
            let read = read(.chunked(keepsTrailers: false), [first, second])
            #expect(read?.data == "abcdefg")
            #expect(read?.ended == true)
        }
        #expect(read(.chunked(keepsTrailers: false), ["x\r\n"]) == nil)
    }
}

    /// A client that takes a gigabit a second is waited for without end, a slower one for a tenth of a second in all.
    @Test func patienceWithClients() {
        var patience = ClientPatience()
        #expect(patience.left(given: 0) == 100)
        var (now, given) = (1_000, 0)
        for _ in 0..<1_000 {
            patience.beginWaiting(now: now)
            #expect(patience.isWaiting)
            (now, given) = (now + 2, given + 200_000)
            patience.endWaiting(now: now)
        }
        #expect(!patience.isWaiting)
        #expect(patience.left(given: given) == 100)
        patience.beginWaiting(now: now)
        patience.endWaiting(now: now + 60)
        patience.endWaiting(now: now + 600)
        #expect(patience.left(given: given) == 40)
        #expect(patience.left(given: 0) < 0)
    }

    @Test func restOfABodyThatIsSkipped() {
        let bytes: [UInt8] = [1, 2, 3, 4]
        var framing = BodyFraming.length(10)
        #expect(framing.plainRest == 10)
        #expect(framing.next(bytes.span, from: 0) == .data(0..<4))
        #expect(framing.plainRest == 6)
        framing.skip(6)
        #expect(framing.plainRest == 0 && framing.isComplete)
        #expect(framing.next(bytes.span, from: 0) == .end(0))
        #expect(BodyFraming.untilClose.plainRest == 0)
        #expect(BodyFraming.chunked(keepsTrailers: false).plainRest == 0)
    }

/// Where bytes go that come faster than the client takes them.
struct BodyBufferingTests {
    @Test func unbufferedWaitsForTheClient() {
        let buffering = BodyBuffering(isBuffered: false, memoryLimit: 100, fileLimit: 1_000)
        #expect(buffering.place(pending: 5_000) == .client)
        #expect(buffering.pauses(pending: 1))
        #expect(!buffering.pauses(pending: 0))
    }

    @Test func memoryIsFilledFirst() {
        let buffering = BodyBuffering(isBuffered: true, memoryLimit: 100, fileLimit: 1_000)
        #expect(buffering.place(pending: 99) == .client)
        #expect(buffering.place(pending: 100) == .file)
        #expect(!buffering.pauses(pending: 100))
    }

    @Test func theFileKeepsTheOrderAndHasALimit() {
        var buffering = BodyBuffering(isBuffered: true, memoryLimit: 100, fileLimit: 1_000)
        buffering.wrote(600)
        // The client caught up, but what is in the file comes first.
        #expect(buffering.place(pending: 0) == .file)
        #expect(!buffering.pauses(pending: 0))
        buffering.wrote(600)
        #expect(buffering.pauses(pending: 0))
        #expect(buffering.takeBacklog() == 0..<1_200)
        #expect(buffering.takeBacklog() == nil)
        // The file is used up: from now on memory only, and the upstream waits.
        #expect(buffering.place(pending: 500) == .client)
        #expect(buffering.pauses(pending: 500))
        #expect(!buffering.pauses(pending: 0))
    }

    @Test func withoutAFileTheUpstreamWaits() {
        let buffering = BodyBuffering(isBuffered: true, memoryLimit: 100, fileLimit: 0)
        #expect(buffering.place(pending: 100) == .client)
        #expect(buffering.pauses(pending: 100))
        #expect(!buffering.pauses(pending: 99))
    }

    @Test func theUpstreamWaitsForAThreadThatWrites() {
        var buffering = BodyBuffering(isBuffered: true, memoryLimit: 100, fileLimit: 1_000)
        buffering.leave(300)
        #expect(buffering.place(pending: 0) == .file && buffering.pauses(pending: 0))
        // Nothing of it can be sent yet.
        #expect(buffering.takeBacklog() == nil)
        buffering.wroteAwaited(200)
        #expect(buffering.pauses(pending: 0))
        #expect(buffering.takeBacklog() == 0..<200)
        #expect(buffering.hasFileBacklog)
        buffering.wroteAwaited(100)
        #expect(!buffering.pauses(pending: 0))
        #expect(buffering.takeBacklog() == 200..<300)
        #expect(!buffering.hasFileBacklog)
    }

    @Test func whatAThreadCannotWriteIsNotWaitedFor() {
        var buffering = BodyBuffering(isBuffered: true, memoryLimit: 100, fileLimit: 1_000)
        buffering.leave(300)
        buffering.wroteAwaited(200)
        #expect(buffering.stopWriting() == 0..<200)
        #expect(!buffering.hasFileBacklog && !buffering.pauses(pending: 99) && buffering.pauses(pending: 100))
        #expect(buffering.place(pending: 100) == .client)
    }

    @Test func aFullDiskEndsTheFileOnly() {
        var buffering = BodyBuffering(isBuffered: true, memoryLimit: 100, fileLimit: 1_000)
        buffering.wrote(300)
        buffering.closeFile()
        #expect(buffering.takeBacklog() == 0..<300)
        #expect(buffering.place(pending: 200) == .client)
        #expect(buffering.pauses(pending: 200))
    }

    @Test func aRateCountsWholeSeconds() {
        var rate = ReadingRate(limit: 1_000, nowSecond: 10)
        #expect(rate.allowance(nowSecond: 10) == 1_000)
        rate.took(1_500)
        #expect(rate.allowance(nowSecond: 10) == -500)
        #expect(rate.delay(nowSecond: 10) == 1_500)
        #expect(rate.allowance(nowSecond: 11) == 500)
    }
}

/// Which fields of an answer the client does not see.
struct HiddenHeadersTests {
    private func hides(_ headers: HiddenHeaders, _ name: ByteString) -> Bool {
        headers.contains(FieldName(name.span), spelled: name.span)
    }

    @Test func someAreHiddenByDefault() {
        let headers = HiddenHeaders(hidden: [], passed: [], standard: HiddenHeaders.standard)
        #expect(hides(headers, "date"))
        #expect(hides(headers, "X-Accel-Redirect"))
        #expect(!hides(headers, "Content-Type"))
    }

    @Test func theConfigurationAddsAndShows() {
        let headers = HiddenHeaders(
            hidden: ["X-Powered-By", "Set-Cookie"], passed: ["Server"], standard: HiddenHeaders.standard)
        #expect(hides(headers, "x-powered-by"))
        #expect(hides(headers, "SET-COOKIE"))
        #expect(!hides(headers, "Server"))
    }
}

/// What `X-Accel-Redirect` may name.
struct AccelTargetTests {
    private func decode(_ target: ByteString) -> (path: String, question: Int)? {
        let path = Buffer()
        guard let question = AccelTarget.decode(target.span, into: path) else { return nil }
        return (path.span.text, question)
    }

    @Test func pathsAreDecoded() {
        #expect(decode("/a%20b?x=%20")?.path == "/a b")
        #expect(decode("/a%20b?x=%20")?.question == 6)
        #expect(decode("/a..b/c")?.path == "/a..b/c")
    }

    @Test func whatLeadsUpwardsIsRefused() {
        for target in ["/../x", "/a/..", "/a/%2e%2e/b", "..", "/a%00b", "?x", ""] as [ByteString] {
            #expect(decode(target) == nil)
        }
    }
}

/// How an upstream's tries are joined in variables.
struct UpstreamVariablesTests {
    @Test func locationsAreToldApart() {
        let out = Buffer()
        let attempts = List<UpstreamAttempt>()
        for address in ["a", "b", "", "c"] as [ByteString] {
            attempts.append(UpstreamAttempt(address: address))
        }
        UpstreamVariables.join(attempts, to: out) { $1.append($0.address) }
        #expect(out.span.text == "a, b : c")
    }

    @Test func repeatedFieldsAreJoined() {
        let bytes = Buffer()
        bytes.append("X-Foo1x-fOO2")
        let fields = FieldTable()
        fields.append(
            Field(name: .other, nameRange: ByteRange(0, 5), valueRange: ByteRange(5, 6)))
        fields.append(
            Field(name: .other, nameRange: ByteRange(6, 11), valueRange: ByteRange(11, 12)))
        let out = Buffer()
        #expect(UpstreamVariables.append(fields, bytes, named: "x_foo", to: out))
        #expect(out.span.text == "1, 2")
        #expect(!UpstreamVariables.append(fields, bytes, named: "x_bar", to: out))
    }
}

/// The paths of requests to upstreams.
struct ProxyURITests {
    @Test func escapingIsNginxs() {
        let out = Buffer()
        ProxyURI.escape(ByteString("/a b%?#\"<>\\^`{|}é~+&").span, to: out)
        #expect(
            out.span.text == "/a%20b%25%3F%23%22%3C%3E%5C%5E%60%7B%7C%7D%C3%A9~+&")
    }
}
