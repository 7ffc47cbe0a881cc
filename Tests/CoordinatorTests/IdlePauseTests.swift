import Coordinator
import Testing

@Suite("Pauses of an idle world") struct IdlePauseTests {
    @Test("Pauses grow to their bound and begin again when the queue had something")
    func growth() {
        var pause = IdlePause()
        for longest in [0.2, 0.4, 0.8, 1.6, 2, 2, 2] {
            let seconds = pause.next(dueIn: nil)
            #expect(seconds <= longest && seconds >= 0.75 * longest)
        }
        pause.reset()
        let first = pause.next(dueIn: nil)
        #expect(first <= 0.2)
    }

    @Test("A job that is due sooner shortens the pause") func dueSooner() {
        var pause = IdlePause()
        for _ in 0..<8 { _ = pause.next(dueIn: nil) }
        let pauses = [0.5, 0, 60].map { pause.next(dueIn: $0) }
        #expect(pauses[0] == 0.5 && pauses[1] == IdlePause.shortest && pauses[2] > 1)
    }
}
