import Testing

@testable import ApusServer

/// The list of the data path, against an array that is given the same orders.
struct ListTests {
    /// Counts how many of its kind are alive.
    private final class Token {
        nonisolated(unsafe) static var alive = 0
        let number: Int

        init(_ number: Int) {
            self.number = number
            unsafe Token.alive += 1
        }

        deinit { unsafe Token.alive -= 1 }
    }

    private static func numbers(_ list: List<Token>) -> [Int] { list.array.map(\.number) }

    @Test func everyOrderHasTheEffectThatItHasOnAnArray() {
        var random = SystemRandomNumberGenerator()
        let list = List<Token>(capacity: 0)
        let other = List<Token>()
        var model: [Int] = []
        var otherModel: [Int] = []
        for step in 0..<20_000 {
            switch Int.random(in: 0..<9, using: &random) {
            case 0, 1, 2:
                list.append(Token(step))
                model.append(step)
            case 3:
                #expect(list.popLast()?.number == model.popLast())
            case 4:
                let place = Int.random(in: 0...model.count, using: &random)
                list.insert(Token(step), at: place)
                model.insert(step, at: place)
            case 5 where !model.isEmpty:
                let place = Int.random(in: 0..<model.count, using: &random)
                list.remove(at: place)
                model.remove(at: place)
            case 6 where !model.isEmpty:
                let place = Int.random(in: 0..<model.count, using: &random)
                list[place] = Token(step)
                model[place] = step
            case 7 where step % 50 == 0:
                let count = Int.random(in: 0...model.count, using: &random)
                list.truncate(to: count)
                model.removeLast(model.count - count)
            case 8 where step % 20 == 0:
                list.swap(with: other)
                swap(&model, &otherModel)
            case 8 where step % 500 == 1:
                list.removeAll(keepingUpTo: 16)
                model = []
            default: break
            }
            #expect(list.count == model.count && list.isEmpty == model.isEmpty)
            #expect(list.last?.number == model.last && list.first?.number == model.first)
        }
        #expect(Self.numbers(list) == model && Self.numbers(other) == otherModel)
        #expect(unsafe Token.alive == model.count + otherModel.count)
        list.removeAll()
        other.removeAll()
        #expect(unsafe Token.alive == 0)
    }

    @Test func elementsGoWithTheList() {
        final class Element {}
        weak var last: AnyObject?
        do {
            let element = Element()
            let list = List<AnyObject>()
            list.append(element)
            last = element
            #expect(last != nil)
        }
        #expect(last == nil)
    }
}
