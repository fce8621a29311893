/// The request methods that nginx tells apart; every other well-formed name is `.other`.
///
/// The raw value is the position of the method's bit in nginx's method masks (`limit_except`, `dav_methods`).
enum Method: UInt8, Sendable, CaseIterable {
    case other, get, head, post, put, delete, mkcol, copy, move, options, propfind, proppatch
    case lock, unlock, patch, trace, connect

    /// The method with this name; methods are case-sensitive (RFC 9110 9.1).
    init(_ name: Span<UInt8>) {
        guard name.count >= 3, name.count <= 9 else {
            self = .other
            return
        }
        let candidate: Method
        switch (name.count, name[0], name[1]) {
        case (3, 0x47, _): candidate = .get
        case (3, _, _): candidate = .put
        case (4, 0x48, _): candidate = .head
        case (4, 0x50, _): candidate = .post
        case (4, 0x43, _): candidate = .copy
        case (4, 0x4D, _): candidate = .move
        case (4, _, _): candidate = .lock
        case (5, 0x4D, _): candidate = .mkcol
        case (5, 0x50, _): candidate = .patch
        case (5, _, _): candidate = .trace
        case (6, 0x44, _): candidate = .delete
        case (6, _, _): candidate = .unlock
        case (7, 0x4F, _): candidate = .options
        case (7, _, _): candidate = .connect
        case (8, _, _): candidate = .propfind
        default: candidate = .proppatch
        }
        self = name.equals(candidate.name) ? candidate : .other
    }

    /// The method's name on the wire; empty for `.other`.
    var name: StaticString {
        switch self {
        case .other: ""
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .mkcol: "MKCOL"
        case .copy: "COPY"
        case .move: "MOVE"
        case .options: "OPTIONS"
        case .propfind: "PROPFIND"
        case .proppatch: "PROPPATCH"
        case .lock: "LOCK"
        case .unlock: "UNLOCK"
        case .patch: "PATCH"
        case .trace: "TRACE"
        case .connect: "CONNECT"
        }
    }

    /// The bit that stands for the method in a set of methods.
    var bit: UInt32 { 1 << UInt32(rawValue) }
}
