import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// Each system call fails once, the first, the second, and so on: whoever needed it is answered or let go, nothing is
    /// left over, the loop does not spin, and the next one is served as ever.
    @Suite struct FailingCalls {
        /// A call that fails, and what came of it.
        struct Failure: CustomStringConvertible {
            let call: SimulatedCall
            let number: Int
            let error: Errno
            var description: String { "\(call) number \(number) fails with \(error)" }
        }

        /// `rotation` has each visit begin with another of the errors: all of them come, though not with every visit.
        private static func failures(_ counts: [SimulatedCall: Int], rotation: Int) -> [Failure] {
            SimulatedCall.allCases.flatMap { call in
                let count = counts[call, default: 0]
                // Of many calls of a kind, the first, the last, and some between.
                let numbers = (0..<count).filter { $0 < 5 || $0 == count - 1 || $0 % 17 == 0 }
                return numbers.map { number in
                    let errors = call.plausibleErrors
                    return Failure(call: call, number: number + 1, error: errors[(number + rotation) % errors.count])
                }
            }
        }

        @Test(arguments: Everything.all)
        func eachCallOnce(_ visit: Everything.Visit) throws {
            let site = try Everything.site()
            _ = site.outcome(of: visit)
            #expect(site.problems() == [])
            let whole = site.outcome(of: visit)
            // With the turns after the answer, in which connections are closed.
            site.run(milliseconds: 1_000)
            let counts = site.kernel.failures.counts
            #expect(site.problems() == [])
            for failure in Self.failures(counts, rotation: visit.name.utf8.count) {
                site.kernel.failures.fail(failure.call, number: failure.number, with: failure.error)
                let outcome = site.outcome(of: visit)
                for (index, answer) in outcome.answers.enumerated() where answer.isComplete {
                    let isAsEver =
                        index < whole.answers.count && answer.status == whole.answers[index].status
                        && answer.body == whole.answers[index].body
                    let isError = [403, 404, 500, 502, 504].contains(answer.status)
                    let isOtherwise = visit.mayDiffer && answer.status == 200
                    try #require(isAsEver || isError || isOtherwise, "\(failure): \(outcome)")
                }
                let problems = site.problems()
                try #require(problems == [], "\(failure): \(site.errorLog)")
                let again = site.outcome(of: visit)
                try #require(
                    again.without(field: 2) == whole.without(field: 2), "after \(failure): \(again)")
            }
            #expect(site.problems() == [])
        }
    }
}
