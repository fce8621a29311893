/// The forms of lists, byte for byte as nginx writes them: programs read them.
extension Autoindex {
    /// Characters of a name that HTML lists show.
    private static let nameWidth = 50

    static func appendHTML(_ request: Request, _ listing: FolderListing, to page: Buffer) {
        let settings = request.location.settings(slot)
        let path = request.routing.path
        let charset = request.response.charset
        let isUTF8 = charset.span.equalsIgnoringCase("utf-8")
        var offset = 0
        if settings.value.usesLocalTime {
            let now = request.engine.loop.wallSeconds
            offset = LocalTime(secondsSinceEpoch: now).offset * 60
        }
        page.append("<html>\r\n<head><title>Index of ")
        page.append(htmlEscaped: path.span)
        page.append("</title></head>\r\n<body>\r\n<h1>Index of ")
        page.append(htmlEscaped: path.span)
        page.append("</h1><hr><pre><a href=\"../\">../</a>\r\n")
        for entry in listing.entries {
            let isFolder = entry.status.isDirectory
            page.append("<a href=\"")
            page.append(escaped: entry.name.span, for: .component)
            if isFolder { page.append(ASCII.slash) }
            page.append("\">")
            appendName(entry.name.span, isFolder: isFolder, isUTF8: isUTF8, to: page)
            page.append(ASCII.space)
            appendTime(entry.status.modified + offset, to: page)
            if isFolder {
                let width = settings.value.showsExactSize ? 19 : 7
                page.append(repeating: ASCII.space, count: width - 1)
                page.append(ASCII.minus)
            } else if settings.value.showsExactSize {
                page.append(decimal: entry.status.size, paddedTo: 19)
            } else {
                appendRoundedSize(entry.status.size, to: page)
            }
            page.append("\r\n")
        }
        page.append("</pre><hr></body>\r\n</html>\r\n")
    }

    /// The name within its link, cut if it is long, and blanks to the width of the column.
    private static func appendName(
        _ name: Span<UInt8>, isFolder: Bool, isUTF8: Bool, to page: Buffer
    ) {
        let characters = isUTF8 ? UTF8Length(name) : UTF8Length(bytes: name.count)
        guard characters.count <= nameWidth else {
            page.append(
                htmlEscaped: name.extracting(
                    0..<characters.end(of: nameWidth - 3, in: name)))
            page.append("..&gt;</a>")
            return
        }
        page.append(htmlEscaped: name)
        var count = characters.count
        if isFolder, count < nameWidth {
            page.append(ASCII.slash)
            count += 1
        }
        page.append("</a>")
        page.append(repeating: ASCII.space, count: nameWidth - count)
    }

    private static func appendTime(_ seconds: Int, to page: Buffer) {
        let time = CivilTime(secondsSinceEpoch: seconds)
        page.append(decimal: time.day, width: 2)
        page.append(ASCII.minus)
        page.append(CivilTime.months[time.month - 1])
        page.append(ASCII.minus)
        page.append(decimal: time.year)
        page.append(ASCII.space)
        page.append(decimal: time.hour, width: 2)
        page.append(ASCII.colon)
        page.append(decimal: time.minute, width: 2)
        page.append(ASCII.space)
    }

    private static func appendRoundedSize(_ size: Int, to page: Buffer) {
        let steps: [(least: Int, shift: Int, unit: UInt8)] = [
            (1 << 30, 30, UInt8(ascii: "G")), (1 << 20, 20, UInt8(ascii: "M")),
            (10_000, 10, UInt8(ascii: "K")),
        ]
        for step in steps where size >= step.least {
            let half = 1 << (step.shift - 1)
            let rest = size & (1 << step.shift - 1)
            page.append(decimal: size >> step.shift + (rest >= half ? 1 : 0), paddedTo: 6)
            return page.append(step.unit)
        }
        page.append(decimal: size, paddedTo: 7)
    }

    // MARK: - For programs

    private static func kind(_ status: FileStatus) -> StaticString {
        status.isDirectory ? "directory" : status.isRegular ? "file" : "other"
    }

    static func appendJSON(_ listing: FolderListing, to page: Buffer) {
        page.append(ASCII.openBracket)
        var isFirst = true
        for entry in listing.entries {
            if !isFirst { page.append(ASCII.comma) }
            isFirst = false
            page.append("\r\n{ \"name\":\"")
            appendJSONEscaped(entry.name.span, to: page)
            page.append("\", \"type\":\"")
            page.append(kind(entry.status))
            page.append("\", \"mtime\":\"")
            page.append(httpDate: entry.status.modified)
            page.append(ASCII.quote)
            if entry.status.isRegular {
                page.append(", \"size\":")
                page.append(decimal: entry.status.size)
            }
            page.append(" }")
        }
        page.append("\r\n]")
    }

    private static func appendJSONEscaped(_ text: Span<UInt8>, to page: Buffer) {
        for index in text.indices {
            let byte = text[index]
            switch byte {
            case ASCII.quote, ASCII.backslash:
                page.append(ASCII.backslash)
                page.append(byte)
            case 0x0A: page.append("\\n")
            case 0x0D: page.append("\\r")
            case 0x09: page.append("\\t")
            case 0x08: page.append("\\b")
            case 0x0C: page.append("\\f")
            case 0..<0x20:
                page.append("\\u00")
                page.append(.hexDigit(byte >> 4))
                page.append(.hexDigit(byte & 15, uppercase: true))
            default: page.append(byte)
            }
        }
    }

    static func appendXML(_ listing: FolderListing, to page: Buffer) {
        page.append("<?xml version=\"1.0\"?>\r\n<list>\r\n")
        for entry in listing.entries {
            let kind = kind(entry.status)
            page.append(ASCII.less)
            page.append(kind)
            page.append(" mtime=\"")
            appendISOTime(entry.status.modified, to: page)
            if entry.status.isRegular {
                page.append("\" size=\"")
                page.append(decimal: entry.status.size)
            }
            page.append("\">")
            page.append(htmlEscaped: entry.name.span)
            page.append("</")
            page.append(kind)
            page.append(">\r\n")
        }
        page.append("</list>\r\n")
    }

    private static func appendISOTime(_ seconds: Int, to page: Buffer) {
        let time = CivilTime(secondsSinceEpoch: seconds)
        page.append(decimal: time.year, width: 4)
        page.append(ASCII.minus)
        page.append(decimal: time.month, width: 2)
        page.append(ASCII.minus)
        page.append(decimal: time.day, width: 2)
        page.append("T")
        page.append(decimal: time.hour, width: 2)
        page.append(ASCII.colon)
        page.append(decimal: time.minute, width: 2)
        page.append(ASCII.colon)
        page.append(decimal: time.second, width: 2)
        page.append("Z")
    }
}

/// The length of a text in characters, if it is valid UTF-8; otherwise in bytes.
private struct UTF8Length {
    let count: Int
    private let isUTF8: Bool

    init(bytes: Int) { self.init(count: bytes, isUTF8: false) }

    private init(count: Int, isUTF8: Bool) {
        self.count = count
        self.isUTF8 = isUTF8
    }

    init(_ text: Span<UInt8>) {
        var characters = 0
        var index = 0
        while index < text.count {
            guard let length = Self.length(at: index, in: text) else {
                self.init(bytes: text.count)
                return
            }
            index += length
            characters += 1
        }
        self.init(count: characters, isUTF8: true)
    }

    /// Where the first `wanted` characters end.
    func end(of wanted: Int, in text: Span<UInt8>) -> Int {
        guard isUTF8 else { return wanted }
        var index = 0
        for _ in 0..<wanted { index += Self.length(at: index, in: text) ?? 1 }
        return index
    }

    /// Bytes of the character at an index; nil if it is none.
    private static func length(at index: Int, in text: Span<UInt8>) -> Int? {
        let first = text[index]
        let length: Int
        switch first {
        case ..<0x80: return 1
        case 0xC2..<0xE0: length = 2
        case 0xE0..<0xF0: length = 3
        case 0xF0..<0xF8: length = 4
        default: return nil
        }
        guard index + length <= text.count else { return nil }
        var scalar = UInt32(first) & (0x7F >> UInt32(length))
        for next in index + 1..<index + length {
            guard text[next] >= 0x80 else { return nil }
            scalar = scalar << 6 | UInt32(text[next] & 0x3F)
        }
        let least: UInt32 = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x1_0000
        return scalar >= least && scalar <= 0x10_FFFF ? length : nil
    }
}

extension Buffer {
    /// Appends a number in decimal with blanks before it, as many as make `width` bytes.
    fileprivate func append(decimal value: Int, paddedTo width: Int) {
        var digits = 1
        var rest = value / 10
        while rest > 0 {
            digits += 1
            rest /= 10
        }
        if digits < width { append(repeating: ASCII.space, count: width - digits) }
        append(decimal: value)
    }
}
