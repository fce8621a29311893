@testable import ApusServer
import Testing


@Suite struct PidFileTests {
    private let log = ErrorLog(environment: LogEnvironment(program: "nginx"))

    private func file(_ name: String) -> PidFile {
        PidFile(path: ByteString("/tmp/apus-\(name)-\(Process.id).pid"))
    }

    @Test func theNumberIsWrittenReadAndRemoved() throws {
        let file = file("number")
        try file.write(123, log: log)
        #expect(try File.text(file.name) == "123\n")
        #expect(file.read(log: log) == 123)
        try file.write(45, log: log)
        #expect(file.read(log: log) == 45)
        file.remove(log: log)
        #expect(file.read(log: log) == nil)
    }

    @Test(arguments: ["", "x\n", "-1\n", "0\n", "99999999999\n"])
    func whatIsNoNumberIsRefused(text: String) throws {
        let file = file("wrong\(text.utf8.count)")
        try File.write(text.utf8, to: File.openForWriting(file.name, .truncate).release())
        #expect(file.read(log: log) == nil)
        file.remove(log: log)
    }

    @Test func aDeviceIsNotReplaced() throws {
        let file = PidFile(path: "/dev/null")
        try file.write(1, log: log)
        file.remove(log: log)
        #expect(try !File.isRegular("/dev/null"))
    }

    @Test func testingLeavesNoFileBehind() throws {
        let file = file("test")
        try file.test(log: log)
        #expect(throws: Errno.notFound) { try File.isRegular(file.name) }
        #expect(throws: StartFailure.self) { try PidFile(path: "/no/such/x.pid").test(log: log) }
    }
}
