@testable import ApusServer
import Testing

@Suite struct FieldNameTests {
    private func fieldName(_ text: String) -> FieldName { FieldName(ByteString(text).span) }

    @Test(arguments: FieldName.allCases.filter { $0 != .other })
    func everyNameIsFoundInAnyCase(_ name: FieldName) {
        let spelling = name.name.description
        #expect(FieldName(name.name.bytes) == name)
        for text in [spelling.uppercased(), spelling.lowercased()] {
            #expect(fieldName(text) == name)
        }
        for text in [spelling + "x", "x" + spelling, String(spelling.dropLast()) + "\r"] {
            #expect(fieldName(text) == .other)
        }
    }

    @Test func allNamesFitInOneWord() {
        #expect(FieldName.allCases.count <= 64)
        var set: FieldNameSet = [.host, .contentLanguage]
        set.remove(.host)
        #expect(!set.contains(.host) && set.contains(.contentLanguage))
    }

    @Test func theEmptyNameIsOther() {
        #expect(fieldName("") == .other)
    }
}

@Suite struct HeaderListTests {
    private func text(_ list: HeaderList) -> String {
        let output = Buffer()
        list.write(to: output)
        return output.text
    }

    @Test func fieldsAreWrittenInOrder() {
        let list = HeaderList()
        list.append(.server, "apus")
        list.append(named: ByteString("x-y").span, ByteString("z").span)
        list.append(named: ByteString("DATE").span, ByteString("now").span)
        #expect(text(list) == "Server: apus\r\nx-y: z\r\nDATE: now\r\n")
        #expect(list.contains(.date) && list.firstIndex(of: .date) == 2)
        let name = ByteString("X-Y")
        #expect(list.firstIndex(named: name.span) == 1)
    }

    @Test func settingLeavesOneField() {
        let list = HeaderList()
        list.append(.vary, "a")
        list.append(.server, "s")
        list.append(.vary, "b")
        list.set(.vary, "c")
        list.set(.eTag, "d")
        #expect(text(list) == "Vary: c\r\nServer: s\r\nETag: d\r\n")
    }

    @Test func removing() {
        let list = HeaderList()
        for value in ["a", "b"] { list.append(.vary, ByteString(value)) }
        list.append(named: ByteString("X").span, ByteString("1").span)
        list.append(named: ByteString("x").span, ByteString("2").span)
        list.remove(at: 0)
        #expect(list.contains(.vary))
        list.removeAll(.vary)
        #expect(!list.contains(.vary) && list.count == 2)
        list.removeAll(named: ByteString("x").span)
        #expect(list.isEmpty)
    }

    @Test func valuesMayBeAppendedInPlace() {
        let list = HeaderList()
        let opening = list.begin(.contentLength)
        list.bytes.append(decimal: 42)
        list.end(opening)
        let other = list.begin(named: ByteString("X").span)
        list.bytes.append("gone")
        list.abandon(other)
        #expect(text(list) == "Content-Length: 42\r\n")
        list.removeAll()
        #expect(list.isEmpty && list.bytes.isEmpty)
    }
}
