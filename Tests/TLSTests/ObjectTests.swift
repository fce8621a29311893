import Foundation
import Testing

@testable import ApusServer

/// A folder of files with certificates and keys.
private final class Files {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "apus-objects-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func put(_ name: String, _ content: String) throws {
        try content.write(to: folder.appending(path: name), atomically: true, encoding: .utf8)
    }

    func remove(_ name: String) throws { try FileManager.default.removeItem(at: folder.appending(path: name)) }

    func source(_ name: String) -> TLSSource { .file(ByteString(folder.path + "/" + name)) }
}

/// Certificates and keys that are kept.
@Suite struct ObjectTests {
    private let files: Files

    init() throws {
        files = try Files()
        try files.put("a.crt", TestCertificate.ecdsa)
        try files.put("a.key", TestCertificate.ecdsaKey)
    }

    @Test func aReloadTakesOverWhatHasNotChanged() throws {
        let source = files.source("a.crt")
        let first = TLSObjectCache()
        let certificate = try first.certificates(source)
        #expect(try first.certificates(source) === certificate)
        let key = try first.key(files.source("a.key"), passwords: nil)
        let second = TLSObjectCache(previous: first.sealed())
        #expect(try second.certificates(source) === certificate)
        #expect(try second.key(files.source("a.key"), passwords: nil) === key)
        #expect(try second.certificates(source, isFresh: true) !== certificate)
        try files.put("a.crt", TestCertificate.rsa)
        let third = TLSObjectCache(previous: second.sealed())
        #expect(try third.certificates(source) !== certificate)
        #expect(try third.key(files.source("a.key"), passwords: nil) === key)
        let last = third.sealed()
        last.isInheritable = false
        #expect(try TLSObjectCache(previous: last).key(files.source("a.key"), passwords: nil) !== key)
    }

    @Test func whatIsInTheConfigurationItselfIsTheSameForAlways() throws {
        let source = TLSSource.data("data:" + ByteString(TestCertificate.ecdsa))
        let first = TLSObjectCache()
        let certificate = try first.certificates(source)
        #expect(try TLSObjectCache(previous: first.sealed()).certificates(source) === certificate)
    }

    @Test func aFileThatIsGoneIsNotTakenOver() throws {
        let first = TLSObjectCache()
        _ = try first.certificates(files.source("a.crt"))
        try files.remove("a.crt")
        let second = TLSObjectCache(previous: first.sealed())
        #expect(throws: TLSObjectError.self) { try second.certificates(files.source("a.crt")) }
    }

    @Test func workersLookAtFilesAgainAfterATime() throws {
        let cache = TLSCertificateCache(limit: 10, validity: 60, inactivity: 100)
        let source = files.source("a.crt")
        let first = try cache.certificates(source, now: 0, isFresh: false)
        try files.put("a.crt", TestCertificate.rsa)
        #expect(try cache.certificates(source, now: 60, isFresh: false) === first)
        let second = try cache.certificates(source, now: 61, isFresh: false)
        #expect(second !== first && cache.count == 1)
        #expect(try cache.certificates(source, now: 200, isFresh: false) === second)
        #expect(try cache.certificates(source, now: 201, isFresh: true) !== second)
        try files.remove("a.crt")
        #expect(throws: TLSObjectError.self) { try cache.certificates(source, now: 300, isFresh: false) }
        #expect(cache.count == 0)
    }

    @Test func theLeastRecentlyUsedGoes() throws {
        let cache = TLSCertificateCache(limit: 2, validity: 1_000, inactivity: 10)
        for name in ["b.crt", "c.crt"] { try files.put(name, TestCertificate.ecdsa) }
        let a = try cache.certificates(files.source("a.crt"), now: 0, isFresh: false)
        let b = try cache.certificates(files.source("b.crt"), now: 1, isFresh: false)
        #expect(try cache.certificates(files.source("a.crt"), now: 2, isFresh: false) === a)
        _ = try cache.certificates(files.source("c.crt"), now: 3, isFresh: false)
        #expect(cache.count == 2)
        #expect(try cache.certificates(files.source("a.crt"), now: 4, isFresh: false) === a)
        #expect(try cache.certificates(files.source("b.crt"), now: 5, isFresh: false) !== b)
        // What nobody has asked for in ten seconds goes, however much room there is.
        let roomy = TLSCertificateCache(limit: 100, validity: 1_000, inactivity: 10)
        _ = try roomy.certificates(files.source("a.crt"), now: 0, isFresh: false)
        _ = try roomy.certificates(files.source("b.crt"), now: 11, isFresh: false)
        #expect(roomy.count == 1)
    }
}

/// The answers of responders, as far as HTTP goes.
@Suite struct OCSPReplyTests {
    private static let good = "HTTP/1.1 200 OK\r\nServer: x\r\ncontent-type:  application/OCSP-response\r\n\r\nbody"

    @Test func theBodyIsFound() {
        #expect(OCSPReply.read(Self.good.utf8Array.span) == .answer(Self.good.utf8.count - 4))
        for end in 0..<Self.good.utf8.count - 4 {
            #expect(OCSPReply.read(Array(Self.good.utf8Array[..<end]).span) == .incomplete)
        }
    }

    @Test(arguments: [
        ("HTTP/1.0 404 Not Found\r\n\r\n", OCSPReply.failed), ("HTTP/1.0 2000 OK\r\n\r\n", .malformed), ("HTTP/1.0\r\n\r\n", .malformed),
        ("FTP/1.0 200 OK\r\n", .malformed), ("FTP/1.", .malformed), ("HTTP/1.0 200 OK\nno colon\n\n", .malformed),
        ("HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n", .otherType(31..<40)), ("HTTP/1.0 200 OK\n\n", .answer(17)),
    ])
    func others(_ text: String, _ expected: OCSPReply) {
        #expect(OCSPReply.read(text.utf8Array.span) == expected)
    }
}

extension String {
    fileprivate var utf8Array: [UInt8] { Array(utf8) }
}
