# /support, /feedback and answers to it
support = <b>Where help is</b>
support-feedback = /feedback tells the people who run me something
support-issues = Report a mistake
support-chat = Support chat
feedback-usage = What would you like to tell the people who run me? Write it behind the command: <code>/feedback I like …</code>
feedback-length = From { $shortest } to { $longest } characters, please. Nothing was sent.
feedback-too-often = Thank you, but that is enough for now. You can tell more in { $wait }.
feedback-thanks = Thank you! The people who run me will read it.
feedback-from =
    <b>Feedback</b> from { $name }{ $username }, <code>{ $id }</code>
    { $place }, in { $lang }
feedback-from-private = in private
feedback-from-group = in a group
feedback-how-to-answer = <i>Reply to this message to answer.</i>
feedback-answer = <b>An answer to your feedback</b>
feedback-answer-quote = You wrote: <i>{ $text }</i>
feedback-answer-sent = Your answer was delivered.
feedback-answer-blocked = Your answer could not be delivered: they never started me in private, or they blocked me.
feedback-answer-failed = Your answer could not be delivered. Please try again later.
feedback-answer-forgotten = Your answer could not be delivered: whoever wrote that wanted to be forgotten.
feedback-answer-text-please = I can only deliver text, please.
