;; CRC-64/XZ of one stream. Assembled into crc64-wasm.ts by bench/assemble-crc64.ts; crc64.ts is the only caller.
;;
;; Conventions. The CRC is reflected: a byte's lowest bit comes first, and bit 63 of a register stands for x^0.
;; P(x) is the ECMA-182 polynomial, here 0xC96C5795D7870F42. Two facts carry the whole module:
;;
;;   (1) A register c followed by data d leaves the same register as zero followed by d with c XORed into its first
;;       eight bytes. So a register can be handed over to any later method, and "initially all ones" needs no special case.
;;
;;   (2) Q(x) = x^126765 + x^32767 + x^28464 + 1 is a multiple of P(x) (crc64.test.ts proves it). Squaring over GF(2)
;;       doubles exponents, so Q(x^8), the same sum at byte distances, is a multiple too. Adding any byte to the bytes
;;       93,998 (126765 - 32767), 98,301 (126765 - 28464) and 126,765 places after it, and dropping it, therefore
;;       leaves the CRC unchanged, provided that all three places are still within the message.
;;
;; Short streams use eight lookup tables ("slicing-by-8", $fold). Long ones carry every byte forward by (2), 16 bytes at
;; a time, with no lookup at all ($absorbLong): r[i] = d[i] ^ r[i-93998] ^ r[i-98301] ^ r[i-126765]. What remains at
;; the end are the last 126,765 bytes, which the tables reduce to the register ($foldRing).
;; The literature calls this method "Chorba".
;;
;; Memory: four pages, and behind them what the caller wants to have there; never grown.
;;         0  tables    8 x 256 x 8 bytes; table k holds the register of each byte value followed by k zero bytes
;;    16,384  ring      131,072 bytes: the latest r, indexed by position modulo 131,072; zero before the first byte
;;   147,456  guard     16 bytes: repeats the first 16 of the ring, so that a load may run over its end
;;   149,488  held      16 bytes: the last $held of them are input that does not yet fill a block of 16
;;   149,504  input     65,536 bytes: where the caller puts its data, directly behind what is held; far from the beginning of a page
;;                      of memory, because some processors copy slowly to a place that lies a few bytes further on in its page
;;   215,040  scratch   32,768 bytes: used within $foldRing only
;;   247,808  nothing
;;   262,144  room      the caller's: what lies in it is read where it is ($absorbPlace)
(module
  (memory (import "crc64" "memory") 4)

  (global $register (mut i64) (i64.const -1)) ;; all that was read, except for what is in the ring or held
  (global $position (mut i32) (i32.const 0))  ;; where in the ring the next block goes; a multiple of 16
  (global $held (mut i32) (i32.const 0))      ;; bytes held, 0 to 15
  (global $ringUsed (mut i32) (i32.const 0))  ;; 1 once the ring may hold anything but zeros

  (start $buildTables)

  (func $buildTables
    (local $entry i32) ;; byte address within the tables
    (local $bit i32)
    (local $value i64)
    ;; Table 0: divide each byte value by P, bit by bit.
    (loop $bytes
      (local.set $value (i64.extend_i32_u (i32.shr_u (local.get $entry) (i32.const 3))))
      (local.set $bit (i32.const 8))
      (loop $bits
        (local.set $value
          (i64.xor
            (i64.shr_u (local.get $value) (i64.const 1))
            (i64.and
              (i64.const 0xC96C5795D7870F42)
              (i64.sub (i64.const 0) (i64.and (local.get $value) (i64.const 1))))))
        (br_if $bits (local.tee $bit (i32.sub (local.get $bit) (i32.const 1)))))
      (i64.store (local.get $entry) (local.get $value))
      (br_if $bytes
        (i32.lt_u (local.tee $entry (i32.add (local.get $entry) (i32.const 8))) (i32.const 2048))))
    ;; Tables 1 to 7: the same entry one table down, followed by one more zero byte.
    (loop $entries
      (local.set $value (i64.load (i32.sub (local.get $entry) (i32.const 2048))))
      (i64.store
        (local.get $entry)
        (i64.xor
          (i64.shr_u (local.get $value) (i64.const 8))
          (i64.load (i32.and (i32.shl (i32.wrap_i64 (local.get $value)) (i32.const 3)) (i32.const 2040)))))
      (br_if $entries
        (i32.lt_u (local.tee $entry (i32.add (local.get $entry) (i32.const 8))) (i32.const 16384)))))

  ;; The register after $crc and $length bytes from $from on, by tables.
  (func $fold (param $crc i64) (param $from i32) (param $length i32) (result i64)
    (local $low i32)
    (local $high i32)
    (local $wordsEnd i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $from) (local.get $length)))
    (local.set $wordsEnd (i32.add (local.get $from) (i32.and (local.get $length) (i32.const -8))))
    (block $wordsDone
      (br_if $wordsDone (i32.eq (local.get $from) (local.get $wordsEnd)))
      (loop $words
        ;; Fact (1), then one lookup per byte. The first byte has seven behind it, hence table 7; an entry is 8 bytes
        ;; wide, hence the shifts are three less than the byte's own and the mask is 255 * 8.
        (local.set $crc (i64.xor (local.get $crc) (i64.load (local.get $from))))
        (local.set $low (i32.wrap_i64 (local.get $crc)))
        (local.set $high (i32.wrap_i64 (i64.shr_u (local.get $crc) (i64.const 32))))
        (local.set $crc
          (i64.xor
            (i64.xor
              (i64.xor
                (i64.load offset=14336 (i32.and (i32.shl (local.get $low) (i32.const 3)) (i32.const 2040)))
                (i64.load offset=12288 (i32.and (i32.shr_u (local.get $low) (i32.const 5)) (i32.const 2040))))
              (i64.xor
                (i64.load offset=10240 (i32.and (i32.shr_u (local.get $low) (i32.const 13)) (i32.const 2040)))
                (i64.load offset=8192 (i32.and (i32.shr_u (local.get $low) (i32.const 21)) (i32.const 2040)))))
            (i64.xor
              (i64.xor
                (i64.load offset=6144 (i32.and (i32.shl (local.get $high) (i32.const 3)) (i32.const 2040)))
                (i64.load offset=4096 (i32.and (i32.shr_u (local.get $high) (i32.const 5)) (i32.const 2040))))
              (i64.xor
                (i64.load offset=2048 (i32.and (i32.shr_u (local.get $high) (i32.const 13)) (i32.const 2040)))
                (i64.load (i32.and (i32.shr_u (local.get $high) (i32.const 21)) (i32.const 2040)))))))
        (br_if $words
          (i32.ne (local.tee $from (i32.add (local.get $from) (i32.const 8))) (local.get $wordsEnd)))))
    (block $bytesDone
      (loop $bytes
        (br_if $bytesDone (i32.eq (local.get $from) (local.get $end)))
        (local.set $crc
          (i64.xor
            (i64.shr_u (local.get $crc) (i64.const 8))
            (i64.load
              (i32.shl
                (i32.and
                  (i32.xor (i32.wrap_i64 (local.get $crc)) (i32.load8_u (local.get $from)))
                  (i32.const 255))
                (i32.const 3)))))
        (local.set $from (i32.add (local.get $from) (i32.const 1)))
        (br $bytes)))
    (local.get $crc))

  ;; Reads $length bytes of input by tables. Not to be called after $absorbLong, except with $reset in between.
  (func (export "absorbShort") (param $length i32)
    (global.set $register (call $fold (global.get $register) (i32.const 149504) (local.get $length))))

  ;; How far a place in the ring is from the ring's end, in whole blocks: at least one.
  (func $untilWrap (param $place i32) (result i32)
    (i32.and (i32.sub (i32.const 131087) (local.get $place)) (i32.const -16)))

  (func $least (param $a i32) (param $b i32) (result i32)
    (select (local.get $a) (local.get $b) (i32.lt_u (local.get $a) (local.get $b))))

  ;; Carries the bytes from $from to $end forward in the ring: whole blocks of 16, at least one.
  ;; It goes in runs, within which none of the four places in the ring wraps: five additions a block, and nothing to ask.
  (func $carry (param $from i32) (param $end i32)
    (local $position i32)
    (local $near i32)   ;; the three places where fact (2) has put earlier bytes: 93,998,
    (local $middle i32) ;; 98,301
    (local $far i32)    ;; and 126,765 before the position
    (local $runEnd i32)
    (local $isFirst i32) ;; 1 where the run writes the first block of the ring
    (local.set $position (global.get $position))
    (global.set $ringUsed (i32.const 1))
    (loop $runs
      (local.set $near (i32.and (i32.sub (local.get $position) (i32.const 93998)) (i32.const 131071)))
      (local.set $middle (i32.and (i32.sub (local.get $position) (i32.const 98301)) (i32.const 131071)))
      (local.set $far (i32.and (i32.sub (local.get $position) (i32.const 126765)) (i32.const 131071)))
      (local.set $isFirst (i32.eqz (local.get $position)))
      (local.set $runEnd
        (i32.add
          (local.get $from)
          ;; The first block is a run of its own: a later block of the same run could read its copy, the guard.
          (select
            (i32.const 16)
            (call $least
              (call $least
                (i32.sub (local.get $end) (local.get $from))
                (call $untilWrap (local.get $position)))
              (call $least
                (call $untilWrap (local.get $near))
                (call $least (call $untilWrap (local.get $middle)) (call $untilWrap (local.get $far)))))
            (local.get $isFirst))))
      (loop $blocks
        ;; Fact (2). The nearest place is 93,998 bytes back, so a block never depends on itself.
        (v128.store offset=16384
          (local.get $position)
          (v128.xor
            (v128.xor (v128.load (local.get $from)) (v128.load offset=16384 (local.get $near)))
            (v128.xor
              (v128.load offset=16384 (local.get $middle))
              (v128.load offset=16384 (local.get $far)))))
        (local.set $position (i32.add (local.get $position) (i32.const 16)))
        (local.set $near (i32.add (local.get $near) (i32.const 16)))
        (local.set $middle (i32.add (local.get $middle) (i32.const 16)))
        (local.set $far (i32.add (local.get $far) (i32.const 16)))
        (br_if $blocks
          (i32.ne (local.tee $from (i32.add (local.get $from) (i32.const 16))) (local.get $runEnd))))
      (if (local.get $isFirst)
        (then (v128.store (i32.const 147456) (v128.load (i32.const 16384)))))
      (local.set $position (i32.and (local.get $position) (i32.const 131071)))
      (br_if $runs (i32.ne (local.get $from) (local.get $end))))
    (global.set $position (local.get $position)))

  ;; Reads $length bytes of input, at most 65,536, by carrying them forward in the ring.
  (func $absorbLong (export "absorbLong") (param $length i32)
    (local $from i32)
    (local $end i32)
    (local.set $from (i32.sub (i32.const 149504) (global.get $held)))
    (global.set $held (i32.add (global.get $held) (local.get $length)))
    (local.set $end (i32.add (local.get $from) (i32.and (global.get $held) (i32.const -16))))
    (global.set $held (i32.and (global.get $held) (i32.const 15)))
    (if (i32.ne (local.get $from) (local.get $end))
      (then
        ;; Fact (1): what the tables read before the first block enters the ring with that block. From then on this adds zero.
        (i64.store (local.get $from) (i64.xor (i64.load (local.get $from)) (global.get $register)))
        (global.set $register (i64.const 0))
        (call $carry (local.get $from) (local.get $end))))
    ;; The last 16 bytes up to the end of the input end with those now held; move them in front of the next input.
    (v128.store (i32.const 149488) (v128.load offset=149488 (local.get $length))))

  ;; Reads $length bytes from $from on where they are, and leaves them as they are: 16 or more, whole blocks of 16, nothing held.
  (func (export "absorbPlace") (param $from i32) (param $length i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $from) (local.get $length)))
    ;; The first block of a stream is changed before it enters the ring: not in the caller's memory, but in the input.
    (if (i64.ne (global.get $register) (i64.const 0))
      (then
        (v128.store (i32.const 149504) (v128.load (local.get $from)))
        (call $absorbLong (i32.const 16))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))))
    (if (i32.ne (local.get $from) (local.get $end))
      (then (call $carry (local.get $from) (local.get $end)))))

  ;; The register that the bytes in the ring leave, starting from zero. Changes nothing but the scratch area.
  (func $foldRing (result i64)
    (local $start i32) ;; the window's first byte: 126,765 before the end
    (local $head i32)
    (local $index i32)
    (local $crc i64)
    ;; Bytes before the window are gone for good: all three places they were carried to lie before the end. Those in
    ;; the window must stay where they are, because their last place does not; but r already has them at the two nearer
    ;; ones, 93,998 and 98,301 further on. XORing them there once more takes that back.
    (local.set $start (i32.and (i32.sub (global.get $position) (i32.const 126765)) (i32.const 131071)))
    ;; The first 93,998 bytes are nobody's place within the window: fold them as they are, in two runs if the ring wraps.
    (local.set $head (i32.sub (i32.const 131072) (local.get $start)))
    (if (i32.gt_u (local.get $head) (i32.const 93998))
      (then (local.set $head (i32.const 93998))))
    (local.set $crc
      (call $fold
        (call $fold (i64.const 0) (i32.add (i32.const 16384) (local.get $start)) (local.get $head))
        (i32.const 16384)
        (i32.sub (i32.const 93998) (local.get $head))))
    ;; The other 32,767 go through the scratch area. First take back what came 93,998 bytes far
    ;; (the loop runs in whole blocks and writes one byte too many, which is not read).
    (loop $nearTap
      (v128.store offset=215040
        (local.get $index)
        (v128.xor
          (v128.load offset=16384
            (i32.and
              (i32.add (i32.add (local.get $start) (i32.const 93998)) (local.get $index))
              (i32.const 131071)))
          (v128.load offset=16384
            (i32.and (i32.add (local.get $start) (local.get $index)) (i32.const 131071)))))
      (br_if $nearTap
        (i32.lt_u (local.tee $index (i32.add (local.get $index) (i32.const 16))) (i32.const 32767))))
    ;; Then what came 98,301 bytes far: it lies 4,303 (98301 - 93998) into the scratch area.
    (local.set $index (i32.const 0))
    (loop $farTap
      (v128.store offset=219343
        (local.get $index)
        (v128.xor
          (v128.load offset=219343 (local.get $index))
          (v128.load offset=16384
            (i32.and (i32.add (local.get $start) (local.get $index)) (i32.const 131071)))))
      (br_if $farTap
        (i32.lt_u (local.tee $index (i32.add (local.get $index) (i32.const 16))) (i32.const 28464))))
    (call $fold (local.get $crc) (i32.const 215040) (i32.const 32767)))

  ;; The CRC of everything read so far. The stream can go on afterwards.
  (func (export "digest") (result i64)
    (local $crc i64)
    (local.set $crc (global.get $register))
    ;; Either the ring or the register is zero, so a XOR picks the other.
    (if (global.get $ringUsed)
      (then (local.set $crc (i64.xor (local.get $crc) (call $foldRing)))))
    (i64.xor
      (call $fold
        (local.get $crc)
        (i32.sub (i32.const 149504) (global.get $held))
        (global.get $held))
      (i64.const -1)))

  ;; Back to the state after instantiation.
  (func (export "reset")
    (global.set $register (i64.const -1))
    (global.set $held (i32.const 0))
    (global.set $position (i32.const 0))
    (if (global.get $ringUsed)
      (then
        (memory.fill (i32.const 16384) (i32.const 0) (i32.const 131088)) ;; with the guard
        (global.set $ringUsed (i32.const 0)))))
)
