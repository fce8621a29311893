@testable import ApusServer
import Testing

@Suite struct ListenerSetTests {
    private func log() -> ErrorLog {
        let environment = LogEnvironment(program: "nginx")
        environment.echoesToStandardError = false
        return ErrorLog(environment: environment)
    }

    private func request(_ text: String, _ change: (inout ListenOptions) -> Void = { _ in })
        throws -> ListenerRequest
    {
        let address = try AddressText(ByteString(text), .listen(defaultPort: 80)).addresses[0]
        var options = ListenOptions()
        change(&options)
        return ListenerRequest(address: address, options: options)
    }

    @Test func aSocketIsKeptOverAReload() throws {
        let set = ListenerSet()
        let log = log()
        let first = try request("127.0.0.1:18150")
        set.commit(try set.prepare([first], workers: 2, testing: false, log: log), log: log)
        let number = set.listeners[0].number
        let second = try request("127.0.0.1:18151")
        set.commit(
            try set.prepare([second, first], workers: 2, testing: false, log: log), log: log)
        #expect(set.listeners.map(\.address.port) == [18_151, 18_150])
        #expect(set.listeners[1].number == number)
        set.commit(try set.prepare([second], workers: 2, testing: false, log: log), log: log)
        #expect(set.listeners.count == 1)
        set.closeAll(removingFiles: true, log: log)
    }

    @Test func reuseportGivesEachWorkerASocketOfItsOwn() throws {
        let set = ListenerSet()
        let log = log()
        let plain = try request("127.0.0.1:18152")
        set.commit(try set.prepare([plain], workers: 2, testing: false, log: log), log: log)
        let shared = try request("127.0.0.1:18152") { $0.reusePort = true }
        set.commit(try set.prepare([shared], workers: 3, testing: false, log: log), log: log)
        #expect(set.listeners.compactMap(\.worker) == [0, 1, 2])
        #expect(set.keep(forWorker: 1).map(\.worker) == [1])
        set.closeAll(removingFiles: true, log: log)
    }

    @Test func aUnixSocketsFileGoesWithIt() throws {
        let path = "/tmp/apus-listener-\(Process.id).sock"
        let set = ListenerSet()
        let log = log()
        let unix = try request("unix:\(path)")
        set.commit(try set.prepare([unix], workers: 1, testing: false, log: log), log: log)
        #expect(try !File.isRegular(path))
        set.commit(try set.prepare([], workers: 1, testing: false, log: log), log: log)
        #expect(throws: Errno.notFound) { try File.isRegular(path) }
    }

    @Test func whenTestingAnAddressInUseIsFine() throws {
        let set = ListenerSet()
        let log = log()
        let wanted = try request("127.0.0.1:18153")
        set.commit(try set.prepare([wanted], workers: 1, testing: false, log: log), log: log)
        let other = ListenerSet()
        #expect(try other.prepare([wanted], workers: 1, testing: true, log: log).listeners.isEmpty)
        set.closeAll(removingFiles: true, log: log)
    }

    @Test func socketsAreInheritedByNumber() throws {
        let set = ListenerSet()
        let log = log()
        let wanted = try request("127.0.0.1:18154")
        set.commit(try set.prepare([wanted], workers: 1, testing: false, log: log), log: log)
        let heir = ListenerSet()
        heir.inherit(set.descriptorList + "x;", log: log)
        #expect(heir.listeners.map(\.address) == [wanted.address])
        let change = try heir.prepare([wanted], workers: 1, testing: false, log: log)
        #expect(change.listeners[0].isInherited)
        // Both sets own the number here, which in life are two processes.
        set.closeAll(removingFiles: true, log: log)
    }
}
