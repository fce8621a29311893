extension UserID {
    static var rows: [Row] {
        [
            .choice(
                "userid", in: .request, slot, \.mode,
                [("off", .off), ("log", .log), ("v1", .version1), ("on", .version2)],
                "Whether cookies with identifiers are set, and in which form, or only logged."),
            .number(
                "userid_service", in: .request, slot, \.service,
                "The number of the service that makes the identifiers."),
            .text("userid_name", in: .request, slot, \.name, "The name of the cookie."),
            word("userid_domain", \.domain, none: "none", "The domain that the cookie is set for."),
            .text("userid_path", in: .request, slot, \.path, "The path that the cookie is set for."),
            .value(
                "userid_expires", in: .request, .one, slot, \.expiry,
                "How long a browser keeps the cookie.", syntax: "time | max | off"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                switch invocation[0] {
                case "max": return .max
                case "off": return .session
                default:
                    let seconds = try invocation.seconds()
                    // The largest of times have to stay dates.
                    return seconds == 0 ? .session : .after(min(seconds, 1 << 36))
                }
            },
            flags,
            word("userid_p3p", \.p3p, none: "none", "The P3P field that is sent with the cookie."),
            .value(
                "userid_mark", in: .request, .one, slot, \.mark,
                "A character that tells cookies with the present settings from older ones.",
                syntax: "letter | digit | = | off"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                let word = invocation[0]
                if word == "off" { return nil }
                guard word.count == 1,
                    word[0].isASCIILetter || word[0].isASCIIDigit || word[0] == ASCII.equals
                else { throw invocation.refuse("value must be \"off\" or a single letter, digit or \"=\"") }
                return word[0]
            },
        ]
    }

    private static func word(
        _ name: String, _ path: Row.Path<UserIDSettings, ByteString>, none: ByteString, _ summary: String
    ) -> Row {
        .value(name, in: .request, .one, slot, path, summary, syntax: "string | \(none)") {
            (invocation: inout Invocation) throws(ConfigurationError) in
            invocation[0] == none ? .empty : invocation[0]
        }
    }

    private static var flags: Row {
        let row = Row.options(
            "userid_flags", in: .request, slot, \.flags,
            [
                ("off", .off), ("secure", .secure), ("httponly", .httpOnly),
                ("samesite=strict", .strict), ("samesite=lax", .lax), ("samesite=none", .none),
            ], "Flags of the cookie.")
        return Row(
            name: row.name, in: row.contexts, .between(1, 3), row.summary, mayRepeat: row.mayRepeat,
            syntax: row.syntax, action: row.action)
    }
}
