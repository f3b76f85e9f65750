;; Finds what a splitter of JSON arrays has to look at, 64 bytes at a time; what lies between is skipped over.
;;
;; An event is
;;   a bracket { } [ ] outside strings
;;   a byte below 0x20 anywhere: a line break or a tab between tokens, or a raw control character in a string
;;   a byte above 0x7f or a backslash outside strings, where JSON has none
;;   the opening quote of a string that begins with k, p, h or a backslash: it may spell "kind", "policyId" or "hostId"
;;
;; Each 64 bytes become masks of 64 bits, one bit a byte, the lowest first. Which quotes count and which bytes lie in
;; strings is then arithmetic on masks (Langdale and Lemire, Parsing Gigabytes of JSON per Second, sections 3.1.1 and 3.1.2).
(module
  ;; the text lies at 0; 64 bytes and one more behind its end belong to the scan
  (memory (export "memory") 5)

  (global $end (mut i32) (i32.const 0))
  (global $block (mut i32) (i32.const 0))      ;; where the 64 bytes of the masks begin
  (global $events (mut i64) (i64.const 0))     ;; those of the block that next() has not given yet
  (global $strings (mut i64) (i64.const 0))    ;; bytes of the block that lie in strings, opening quotes included
  (global $inString (mut i64) (i64.const 0))   ;; all ones where the block ends inside a string
  (global $escaped (mut i64) (i64.const 0))    ;; 1 where the block's last byte escapes the next

  ;; A new piece of text of $length bytes, which begins in a string or not, escaped or not.
  (func (export "begin") (param $length i32) (param $inString i32) (param $escaped i32)
    (global.set $end (local.get $length))
    (global.set $block (i32.const -64))
    (global.set $events (i64.const 0))
    (global.set $inString (i64.sub (i64.const 0) (i64.extend_i32_u (local.get $inString))))
    (global.set $escaped (i64.extend_i32_u (local.get $escaped)))
    ;; behind the end: blanks, which are no event
    (memory.fill (local.get $length) (i32.const 0x20) (i32.const 65))
    ;; and at first a k: a quote at the very end may begin "kind" too
    (i32.store8 (local.get $length) (i32.const 0x6b)))

  (func (export "inString") (result i32) (i32.wrap_i64 (i64.and (global.get $inString) (i64.const 1))))
  (func (export "escaped") (result i32) (i32.wrap_i64 (global.get $escaped)))

  ;; The next event: its place times two, plus one where it lies in a string; -1 where there is none left.
  (func (export "next") (result i32)
    (local $bit i64)
    (loop $again
      (if (i64.ne (global.get $events) (i64.const 0)) (then
        (local.set $bit (i64.ctz (global.get $events)))
        (global.set $events (i64.and (global.get $events) (i64.sub (global.get $events) (i64.const 1))))
        (return (i32.or
          (i32.shl (i32.add (global.get $block) (i32.wrap_i64 (local.get $bit))) (i32.const 1))
          (i32.wrap_i64 (i64.and (i64.shr_u (global.get $strings) (local.get $bit)) (i64.const 1)))))))
      (global.set $block (i32.add (global.get $block) (i32.const 64)))
      (if (i32.lt_s (global.get $block) (global.get $end)) (then
        (call $classify)
        (br $again))))
    (i32.const -1))

  ;; Four times 16 bits to 64.
  (func $mask (param $a v128) (param $b v128) (param $c v128) (param $d v128) (result i64)
    (i64.or
      (i64.or
        (i64.extend_i32_u (i8x16.bitmask (local.get $a)))
        (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $b))) (i64.const 16)))
      (i64.or
        (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $c))) (i64.const 32))
        (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $d))) (i64.const 48)))))

  ;; Sets $events and $strings of the block, and what the next block has to know.
  (func $classify
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $quotes i64) (local $backslashes i64) (local $escapes i64) (local $strings i64) (local $brackets i64) (local $letters i64)
    (local $real i32)
    (local.set $a (v128.load offset=0 (global.get $block)))
    (local.set $b (v128.load offset=16 (global.get $block)))
    (local.set $c (v128.load offset=32 (global.get $block)))
    (local.set $d (v128.load offset=48 (global.get $block)))
    (local.set $real (i32.sub (global.get $end) (global.get $block)))

    (local.set $backslashes (call $mask
      (i8x16.eq (local.get $a) (i8x16.splat (i32.const 0x5c)))
      (i8x16.eq (local.get $b) (i8x16.splat (i32.const 0x5c)))
      (i8x16.eq (local.get $c) (i8x16.splat (i32.const 0x5c)))
      (i8x16.eq (local.get $d) (i8x16.splat (i32.const 0x5c)))))
    (local.set $quotes (call $mask
      (i8x16.eq (local.get $a) (i8x16.splat (i32.const 0x22)))
      (i8x16.eq (local.get $b) (i8x16.splat (i32.const 0x22)))
      (i8x16.eq (local.get $c) (i8x16.splat (i32.const 0x22)))
      (i8x16.eq (local.get $d) (i8x16.splat (i32.const 0x22)))))

    ;; quotes behind a backslash that is not itself behind one do not count
    (local.set $escapes (call $escapedBytes (local.get $backslashes) (local.get $real)))
    (local.set $quotes (i64.and (local.get $quotes) (i64.xor (local.get $escapes) (i64.const -1))))

    ;; a byte lies in a string where an odd number of quotes stand before it, or are itself
    (local.set $strings (local.get $quotes))
    (local.set $strings (i64.xor (local.get $strings) (i64.shl (local.get $strings) (i64.const 1))))
    (local.set $strings (i64.xor (local.get $strings) (i64.shl (local.get $strings) (i64.const 2))))
    (local.set $strings (i64.xor (local.get $strings) (i64.shl (local.get $strings) (i64.const 4))))
    (local.set $strings (i64.xor (local.get $strings) (i64.shl (local.get $strings) (i64.const 8))))
    (local.set $strings (i64.xor (local.get $strings) (i64.shl (local.get $strings) (i64.const 16))))
    (local.set $strings (i64.xor (local.get $strings) (i64.shl (local.get $strings) (i64.const 32))))
    (local.set $strings (i64.xor (local.get $strings) (global.get $inString)))
    (global.set $inString (i64.shr_s (local.get $strings) (i64.const 63)))
    (global.set $strings (local.get $strings))

    ;; [ and { differ by 0x20, and so do ] and }
    (local.set $brackets (call $mask
      (call $isBracket (local.get $a)) (call $isBracket (local.get $b))
      (call $isBracket (local.get $c)) (call $isBracket (local.get $d))))

    ;; such a letter or a backslash behind each byte; the last byte's neighbour is in the next block
    (local.set $letters (i64.or (local.get $backslashes) (call $mask
      (call $isLetter (local.get $a)) (call $isLetter (local.get $b))
      (call $isLetter (local.get $c)) (call $isLetter (local.get $d)))))
    (local.set $letters (i64.or
      (i64.shr_u (local.get $letters) (i64.const 1))
      (i64.shl
        (i64.extend_i32_u (i32.or
          (i32.and (i8x16.bitmask (call $isLetter (v128.load8_splat offset=64 (global.get $block)))) (i32.const 1))
          (i32.eq (i32.load8_u offset=64 (global.get $block)) (i32.const 0x5c))))
        (i64.const 63))))

    (global.set $events (i64.or
      (i64.or
        ;; brackets, backslashes and bytes above 0x7f, outside strings
        (i64.and
          (i64.or
            (i64.or (local.get $brackets) (local.get $backslashes))
            (call $mask (local.get $a) (local.get $b) (local.get $c) (local.get $d)))
          (i64.xor (local.get $strings) (i64.const -1)))
        ;; opening quotes with such a letter or a backslash behind
        (i64.and (i64.and (local.get $quotes) (local.get $strings)) (local.get $letters)))
      ;; bytes below 0x20
      (call $mask
        (i8x16.lt_u (local.get $a) (i8x16.splat (i32.const 0x20)))
        (i8x16.lt_u (local.get $b) (i8x16.splat (i32.const 0x20)))
        (i8x16.lt_u (local.get $c) (i8x16.splat (i32.const 0x20)))
        (i8x16.lt_u (local.get $d) (i8x16.splat (i32.const 0x20)))))))

  (func $isBracket (param $bytes v128) (result v128)
    (local.set $bytes (v128.or (local.get $bytes) (i8x16.splat (i32.const 0x20))))
    (v128.or
      (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x7b)))
      (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x7d)))))

  ;; k, p or h
  (func $isLetter (param $bytes v128) (result v128)
    (v128.or
      (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x6b)))
      (v128.or
        (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x70)))
        (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x68))))))

  ;; The bytes behind an odd number of backslashes. $real bytes of the block are text.
  (func $escapedBytes (param $backslashes i64) (param $real i32) (result i64)
    (local $follows i64) (local $odd i64) (local $sum i64) (local $escapes i64)
    (if (i64.eqz (i64.or (local.get $backslashes) (global.get $escaped))) (then (return (i64.const 0))))
    ;; a backslash that is escaped by the block before escapes nothing
    (local.set $backslashes (i64.and (local.get $backslashes) (i64.xor (global.get $escaped) (i64.const -1))))
    (local.set $follows (i64.or (i64.shl (local.get $backslashes) (i64.const 1)) (global.get $escaped)))
    ;; runs of backslashes that begin at an odd place: adding carries through a run to the byte behind it
    (local.set $odd (i64.and
      (i64.and (local.get $backslashes) (i64.const 0xaaaaaaaaaaaaaaaa))
      (i64.xor (local.get $follows) (i64.const -1))))
    (local.set $sum (i64.add (local.get $odd) (local.get $backslashes)))
    (local.set $escapes (i64.and
      (i64.xor (i64.const 0x5555555555555555) (i64.shl (local.get $sum) (i64.const 1)))
      (local.get $follows)))
    (if (i32.lt_s (local.get $real) (i32.const 64))
      (then (global.set $escaped
        (i64.and (i64.shr_u (local.get $escapes) (i64.extend_i32_u (local.get $real))) (i64.const 1))))
      ;; the sum ran over: a run that began at an odd place reaches the block's end
      (else (global.set $escaped (i64.extend_i32_u (i64.lt_u (local.get $sum) (local.get $odd))))))
    (local.get $escapes)))
