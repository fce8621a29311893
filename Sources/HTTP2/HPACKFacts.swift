/// What a field's name and value were found to be when they came first, so that nobody has to look again.
struct HPACKFacts: Sendable {
    enum Kind: UInt8, Sendable {
        /// A name of letters in lower case, digits and hyphens.
        case usual
        /// The same with underscores.
        case underscored
        /// A name of bytes that names should not hold.
        case unusual
        /// It holds what no name may.
        case invalid
        case method, scheme, path, authority, unknownPseudo
    }

    var name: FieldName
    var kind: Kind
    /// The value may be passed on: it has neither line breaks nor NUL.
    var hasValidValue: Bool

    init(name: FieldName, kind: Kind, hasValidValue: Bool) {
        self.name = name
        self.kind = kind
        self.hasValidValue = hasValidValue
    }

    /// Looks at both.
    init(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        kind = Self.kind(of: name)
        self.name = kind == .usual ? FieldName(name) : .other
        hasValidValue = Self.isValid(value)
    }

    /// The same name with another value.
    func with(_ value: Span<UInt8>) -> HPACKFacts {
        HPACKFacts(name: name, kind: kind, hasValidValue: Self.isValid(value))
    }

    private static func isValid(_ value: Span<UInt8>) -> Bool {
        value.firstLineBreakOrNUL(from: 0) == nil
    }

    private static func kind(of name: Span<UInt8>) -> Kind {
        if name.isEmpty { return .invalid }
        let isPseudo = name[0] == ASCII.colon
        var kind = Kind.usual
        var index = isPseudo ? 1 : 0
        while index < name.count {
            let byte = name[index]
            index &+= 1
            if byte &- 0x61 < 26 || byte == ASCII.minus || byte.isASCIIDigit { continue }
            if byte <= ASCII.space || byte == ASCII.delete || byte == ASCII.colon || byte.isASCIIUppercase {
                return .invalid
            }
            kind = byte == ASCII.underscore && kind != .unusual ? .underscored : .unusual
        }
        return isPseudo ? pseudoKind(of: name) : kind
    }

    private static func pseudoKind(of name: Span<UInt8>) -> Kind {
        switch name.count {
        case 5 where name.equals(":path"): .path
        case 7 where name.equals(":method"): .method
        case 7 where name.equals(":scheme"): .scheme
        case 10 where name.equals(":authority"): .authority
        default: .unknownPseudo
        }
    }
}
